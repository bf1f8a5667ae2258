#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/health.hpp"
#include "daemon/app/open_files.hpp"
#include "daemon/app/progress_watch.hpp"
#include "daemon/outputs/refusals.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/base/role.hpp"

namespace dynavg::discovery {
class Membership;
}
namespace dynavg::protocol {
class NodeCore;
}

namespace dynavg::daemon {

struct RoundCounts;

/// The daemon at one moment, as far as its health is judged by it. Borrowed for one call.
struct HealthView {
    protocol::Instant now;
    protocol::Duration uptime{};
    protocol::Role role = protocol::Role::member;
    std::size_t seeds = 0;        ///< Addresses that the configuration names.
    std::uint32_t min_peers = 0;  ///< [averaging] min_peers.
    const discovery::Membership& membership;
    /// Null before this node has joined a network and trains.
    const protocol::NodeCore* core = nullptr;
    const RoundCounts& rounds;
    std::optional<std::uint64_t> disk_free;  ///< Bytes; nothing without a state folder.
    std::uint64_t disk_wanted = 0;           ///< By the next files.
};

/// Watches the daemon's health, for `dynavg status`, the metrics and the service manager's
/// watchdog: remembers the facts that need time (does training get on, which nodes were refused).
/// The judgement itself is assess(). Reads no clock; one thread.
class HealthWatch {
public:
    /// Every event that the daemon reports.
    void note(const protocol::Event& event, protocol::Instant now);
    /// About every ProgressWatch::kLookInterval. An event when training begins to hang.
    [[nodiscard]] std::optional<protocol::Event> look(const TrainerPulse& pulse,
                                                      protocol::Instant now);

    /// As often. An event when few are left: without it a dial, a question to the control socket or
    /// a file would fail where nobody looks.
    [[nodiscard]] std::optional<protocol::Event> look(std::optional<OpenFiles> files);

    [[nodiscard]] const ProgressWatch& training() const { return m_training; }
    /// Each fault with its remedy, the most pressing first; empty if all is well.
    [[nodiscard]] std::vector<control::HealthFinding> findings(const HealthView& view) const;

private:
    ProgressWatch m_training;
    bool m_told_stuck = false;
    std::optional<OpenFiles> m_open_files;  ///< While they are few.
    Refusals m_refusals;
};

}  // namespace dynavg::daemon
