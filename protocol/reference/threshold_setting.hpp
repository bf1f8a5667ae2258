#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace dynavg::protocol {

struct ContributionFacts;

/// A threshold that a person has set, and when. Of two the one that was set later counts.
struct ThresholdSetting {
    double threshold = 0;
    /// Unix time by the clock of the peer where it was set, but later than any setting known there:
    /// so a person who sets again always wins over the earlier setting.
    std::uint64_t set_at_ms = 0;
    bool operator==(const ThresholdSetting&) const = default;
};

/// A threshold that a network can have, and a time that leaves room for later ones.
[[nodiscard]] bool is_valid(const ThresholdSetting& setting);

/// The later of two settings; the second one if they are of the same time.
[[nodiscard]] std::optional<ThresholdSetting> later_of(
    const std::optional<ThresholdSetting>& one, const std::optional<ThresholdSetting>& other);

/// The latest in these contributions, which are in roster order; of several of the same time that
/// of the last contribution. So all members find the same one.
[[nodiscard]] std::optional<ThresholdSetting> latest_setting(
    std::span<const ContributionFacts> facts);

}  // namespace dynavg::protocol
