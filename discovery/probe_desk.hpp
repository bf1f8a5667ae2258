#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discovery/actions.hpp"

namespace dynavg::discovery {

/// The peers that ask to be dialed back, for `dynavg doctor`, and wait for the answer.
///
/// A peer that is let in at all may ask; the asked one dials the addresses that the Probe itself
/// advertises, as it would for a Hello, and tells the outcome. At most kProbesOpenMax at a time and
/// one in kProbeIntervalMin for each peer: more are answered at once, with nothing tried. Knows no
/// member and makes none. A value; O(peers that asked of late) per call.
class ProbeDesk {
public:
    /// Whether to dial back. A probe that is taken on is open until finish().
    [[nodiscard]] bool take(const ConnectionId& connection, const protocol::Probe& probe,
                            std::vector<protocol::FieldDifference> differences,
                            protocol::Instant now);
    /// The differences that were found when the peer asked; nothing if none waits at that
    /// connection.
    [[nodiscard]] std::optional<std::vector<protocol::FieldDifference>> finish(
        const ConnectionId& connection);
    [[nodiscard]] std::size_t open() const { return m_open.size(); }
    [[nodiscard]] std::size_t remembered() const { return m_asked.size(); }

private:
    struct Open {
        std::vector<protocol::FieldDifference> differences;
        protocol::Instant since;
    };
    std::map<ConnectionId, Open> m_open;
    std::map<protocol::PeerId, protocol::Instant> m_asked;  ///< Of late.
};

}  // namespace dynavg::discovery
