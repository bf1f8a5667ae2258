#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/instant.hpp"
#include "protocol/monitor/monitor_kind.hpp"
#include "protocol/reference/outer_optimizer.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/reference/threshold_rule.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

enum class Pace : std::uint8_t { free, lockstep };
enum class QuorumRule : std::uint8_t { majority, none };
/// How much a peer counts in the mean and in the variance: all alike, or each by its samples.
enum class WeightRule : std::uint8_t { equal, samples };

[[nodiscard]] std::string_view name_of(Pace pace);
[[nodiscard]] std::string_view name_of(QuorumRule rule);
[[nodiscard]] std::string_view name_of(WeightRule rule);

/// How much a peer with so many samples, at least one, counts.
[[nodiscard]] float weight_of(WeightRule rule, std::uint64_t samples);

/// The settings about averaging that all peers of a network must have in common: `[averaging]`.
struct AveragingSettings {
    MonitorKind monitor = MonitorKind::linear;
    std::uint64_t interval = 1;  ///< interval: local steps between two rounds.
    SketchShape sketch;
    std::uint64_t sketch_seed = 1;
    double threshold = 5.0;  ///< Theta; positive. Of the first epoch, if a rule moves it.
    ThresholdRule threshold_rule;
    OuterOptimizer outer;
    WeightRule weights = WeightRule::equal;
    Pace pace = Pace::free;
    std::uint64_t max_lag_steps = 0;  ///< free: how far to run ahead of the slowest; 0 = no bound.
    std::uint32_t min_peers = 2;      ///< Fewer live peers than this: train, do not average.
    QuorumRule quorum = QuorumRule::majority;
    Duration state_interval = std::chrono::milliseconds(50);  ///< free: a state at most this often.
    std::uint64_t check_every = 1;  ///< Local steps between two checks of the condition.
    bool operator==(const AveragingSettings&) const = default;

    /// Local steps between two checks; `interval` has one when its round is due.
    [[nodiscard]] std::uint64_t steps_between_checks() const {
        return traits_of(monitor).trigger == Trigger::interval ? interval : check_every;
    }
};

/// As in a configuration: "linear", "interval:100".
[[nodiscard]] std::string monitor_text(const AveragingSettings& settings);

/// The rules for the end of a round that follow from the settings.
[[nodiscard]] OuterRules outer_rules(const AveragingSettings& settings);

/// "averaging.monitor" -> "linear", ... for the handshake; every setting above has a field.
[[nodiscard]] NetworkFields fields_of(const AveragingSettings& settings);

/// The reverse, for a joiner that takes the network's settings. Fails on a field that is missing or
/// that this build does not know.
[[nodiscard]] Expected<AveragingSettings, Error> averaging_from_fields(const NetworkFields& fields);

}  // namespace dynavg::protocol
