#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/replies.hpp"
#include "daemon/outputs/log.hpp"
#include "daemon/outputs/round_log.hpp"
#include "daemon/transport/traffic.hpp"

namespace dynavg::daemon {

/// The inputs of the metrics: the numbers of `dynavg status`, and their totals.
struct MetricsInputs {
    control::StatusReply status;
    RoundCounts rounds;
    TransportCounters traffic;
    LogCounts log;
    std::optional<std::uint64_t> disk_free;
};

enum class MetricType : std::uint8_t { counter, gauge, summary };

/// One metric; docs/operations.md has a row for each.
struct MetricFamily {
    std::string_view name;
    MetricType type;
    std::string_view help;
    /// Its samples, as lines; nothing where there is nothing to tell.
    std::string (*samples)(std::string_view name, const MetricsInputs& inputs);
};

[[nodiscard]] std::string_view name_of(MetricType type);
[[nodiscard]] const std::vector<MetricFamily>& metric_families();

/// Prometheus' text format, version 0.0.4. Pure; some 50 µs.
[[nodiscard]] std::string exposition(const MetricsInputs& inputs);

}  // namespace dynavg::daemon
