#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/health.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/reference/reference.hpp"

namespace dynavg::daemon {

/// What health is judged by: how things stand at one moment.
struct HealthInputs {
    protocol::Duration uptime{};
    bool done = false;               ///< All steps are done.
    std::uint32_t peers_live = 0;    ///< Others.
    std::uint32_t peers_wanted = 0;  ///< Others, for a round.
    std::size_t seeds = 0;           ///< Addresses that the configuration names.

    std::optional<protocol::Duration> round_open;  ///< For how long.
    protocol::Duration round_patience{};           ///< Longer is unusual here.

    protocol::Duration trainer_silence{};      ///< With work and without progress.
    protocol::Duration trainer_silence_max{};  ///< Longer is a hang (ProgressWatch).

    std::optional<std::uint64_t> disk_free;  ///< Bytes; none without a state folder.
    std::uint64_t disk_wanted = 0;           ///< What the next files take.

    /// How far the live peers' clocks are from ours (discovery/clock_skew.hpp).
    std::optional<std::int64_t> clock_skew_ms;

    /// Peers that were refused of late, "NAME: in what it differs".
    std::vector<std::string> other_versions;
    std::vector<std::string> other_settings;
    /// Who was refused for another reason, or runs twice: whole sentences, with what to do.
    std::vector<std::string> otherwise_refused;

    /// Of files and connections that the process may have open, few are left: what to do.
    std::string open_files;
};

/// No peers for so long after the start is worth a finding.
inline constexpr protocol::Duration kLonelyAfter = std::chrono::seconds(30);

/// What is wrong and what to do, the most pressing first; empty if all is well. Pure.
[[nodiscard]] std::vector<control::HealthFinding> assess(const HealthInputs& inputs);

/// Names of all findings that there may be, for the metrics.
[[nodiscard]] const std::vector<std::string>& health_names();

/// Bytes that the next reference, its copy beside it, and local training take on disk.
[[nodiscard]] std::uint64_t disk_wanted(const protocol::ReferenceShape& shape);

inline constexpr const char* kClockFix =
    "have the machine that is wrong take its time from the network: `timedatectl set-ntp true`, or "
    "with chrony `chronyc makestep`";

/// What is wrong with a clock that is so far from others'.
[[nodiscard]] std::string clock_text(std::int64_t skew_ms);

/// Usual for a round where the last ones took `mean`: ten times that, at least a minute.
[[nodiscard]] protocol::Duration round_patience(std::optional<protocol::Duration> mean);

}  // namespace dynavg::daemon
