#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dynavg::protocol {

struct ContributionFacts;

/// Where the threshold of the next epoch comes from.
enum class ThresholdKind : std::uint8_t {
    fixed,     ///< It stays.
    interval,  ///< "auto", towards so many local steps between two rounds.
    bytes,     ///< "auto", towards so many bytes of models per peer and local step.
};

/// FDA-Opt's rule, which every peer computes alike from a round that is over: the next threshold is
/// the variance just seen, times the steps that should lie between two rounds, over those that did.
struct ThresholdRule {
    ThresholdKind kind = ThresholdKind::fixed;
    double target = 0;  ///< Steps, or bytes per step; above 0 unless fixed.
    bool operator==(const ThresholdRule&) const = default;
};

[[nodiscard]] std::string_view name_of(ThresholdKind kind);
[[nodiscard]] std::optional<ThresholdKind> threshold_kind_from_name(std::string_view name);

/// Finite, and above 0 unless fixed.
[[nodiscard]] bool is_valid(const ThresholdRule& rule);

/// Local steps that should lie between two rounds of `peers` with a model of `values` floats, at
/// least 1. bytes: a round costs a peer 2 (K-1)/K x 4 x values. Infinite if fixed.
[[nodiscard]] double target_steps(const ThresholdRule& rule, std::size_t peers, std::size_t values);

/// So many steps without a crossing, and a round is called all the same: else a threshold that is
/// far too high would never be corrected (FDA-Opt's cap, twice the target). Infinite if fixed.
[[nodiscard]] double overdue_steps(const ThresholdRule& rule, std::size_t peers,
                                   std::size_t values);

/// The threshold that follows `current` after a round with these contributions, whose mean is
/// `squared_move` = ||mean - reference||^2 away. The variance just seen is exact: mean ||u||^2 -
/// ||mean u||^2. A round changes the threshold by a factor of at most 16; without steps or variance
/// it stays.
[[nodiscard]] double next_threshold(const ThresholdRule& rule, double current,
                                    std::span<const ContributionFacts> facts, double squared_move,
                                    std::size_t values);

}  // namespace dynavg::protocol
