#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// The peers that were refused of late, and why, as the log has told. A refusal is told again every
/// ten minutes (discovery/refusal_log.hpp) and so forgotten after a little more. Bounded; one
/// thread.
class Refusals {
public:
    static constexpr protocol::Duration kKept = std::chrono::minutes(11);
    static constexpr std::size_t kPeersMax = 16;

    void note(const protocol::Event& event, protocol::Instant now);
    void forget_old(protocol::Instant now);
    /// "NAME: in what it differs".
    [[nodiscard]] std::vector<std::string> other_versions() const { return told(Cause::version); }
    [[nodiscard]] std::vector<std::string> other_settings() const { return told(Cause::settings); }
    /// As the log has told it, with what to do. Also of peers that joined and seem to run twice.
    [[nodiscard]] std::vector<std::string> otherwise_refused() const { return told(Cause::other); }

private:
    enum class Cause : std::uint8_t { version, settings, other };
    struct Refusal {
        protocol::Instant at;
        std::string text;
        Cause cause = Cause::other;
    };
    [[nodiscard]] static Cause cause_of(const std::vector<std::string>& fields);
    [[nodiscard]] std::vector<std::string> told(Cause cause) const;

    std::map<std::string, Refusal> m_refusals;  ///< By peer.
};

}  // namespace dynavg::daemon
