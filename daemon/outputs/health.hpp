#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/health.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/reference/reference.hpp"

namespace dynavg::daemon {

/// The facts that health is judged by, as they stand at one moment.
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
    std::uint64_t disk_wanted = 0;           ///< By the next files.

    /// How far the live peers' clocks are from ours (discovery/clock_skew.hpp).
    std::optional<std::int64_t> clock_skew_ms;

    /// Peers that were refused of late, "NAME: in what it differs".
    std::vector<std::string> other_versions;
    std::vector<std::string> other_settings;
    /// Peers that were refused for another reason, or that run twice: whole sentences, with the
    /// remedy.
    std::vector<std::string> otherwise_refused;

    /// The warning that the process may open few more files and connections, with its remedy; else
    /// empty.
    std::string open_files;
};

/// No peers for so long after the start is worth a finding.
inline constexpr protocol::Duration kLonelyAfter = std::chrono::seconds(30);

/// Each fault with its remedy, the most pressing first; empty if all is well. Pure.
[[nodiscard]] std::vector<control::HealthFinding> assess(const HealthInputs& inputs);

/// Names of all findings that there may be, for the metrics.
[[nodiscard]] const std::vector<std::string>& health_names();

/// Bytes that the next reference, its copy beside it, and local training take on disk.
[[nodiscard]] std::uint64_t disk_wanted(const protocol::ReferenceShape& shape);

inline constexpr const char* kClockFix =
    "have the machine that is wrong take its time from the network: `timedatectl set-ntp true`, or "
    "with chrony `chronyc makestep`";

/// The text for a clock that is so far from the others'.
[[nodiscard]] std::string clock_text(std::int64_t skew_ms);

/// Usual for a round where the last ones took `mean`: ten times that, at least a minute.
[[nodiscard]] protocol::Duration round_patience(std::optional<protocol::Duration> mean);

}  // namespace dynavg::daemon
