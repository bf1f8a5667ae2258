#include "daemon/outputs/metrics.hpp"

#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "daemon/outputs/health.hpp"

namespace dynavg::daemon {

namespace {

using Inputs = MetricsInputs;
using Name = std::string_view;

/// A label's value may hold anything but these as they are.
std::string label_value(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') result += '\\';
        if (c == '\n') {
            result += "\\n";
        } else {
            result += c;
        }
    }
    return result + '"';
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

template <class T>
std::string line(Name name, T value) {
    if constexpr (std::is_integral_v<T>) {
        return fmt::format("{} {}\n", name, value);
    } else {
        return fmt::format("{} {}\n", name, number(value));
    }
}

template <class T>
std::string line(Name name, std::string_view label, std::string_view text, T value) {
    return line(fmt::format("{}{{{}={}}}", name, label, label_value(text)), value);
}

std::string maybe(Name name, const std::optional<double>& value) {
    return value ? line(name, *value) : "";
}

std::string by_kind(Name name, const TrafficBytes& bytes) {
    return line(name, "kind", "monitoring", bytes.monitoring) +
           line(name, "kind", "averaging", bytes.averaging) +
           line(name, "kind", "overhead", bytes.overhead);
}

std::string build_info(Name name, const Inputs& in) {
    return line(fmt::format("{}{{version={},node={},network={},model={}}}", name,
                            label_value(in.status.version), label_value(in.status.node),
                            label_value(in.status.network), label_value(in.status.model)),
                1);
}

std::string training_states(Name name, const Inputs& in) {
    static constexpr std::array<std::string_view, 6> kStates{
        "running", "waiting-for-peers", "paused-for-round", "paused", "done", "following"};
    std::string text;
    for (const std::string_view state : kStates) {
        text += line(name, "state", state, in.status.training == state ? 1 : 0);
    }
    return text;
}

std::string rounds(Name name, const Inputs& in) {
    return line(name, "outcome", "complete", in.rounds.committed - in.rounds.incomplete) +
           line(name, "outcome", "incomplete", in.rounds.incomplete) +
           line(name, "outcome", "adopted", in.rounds.adopted);
}

std::string round_durations(Name name, const Inputs& in) {
    return line(fmt::format("{}_sum", name), in.rounds.seconds) +
           line(fmt::format("{}_count", name), in.rounds.committed);
}

std::string findings(Name name, const Inputs& in) {
    std::string text;
    for (const std::string& known : health_names()) {
        int found = 0;
        for (const auto& finding : in.status.health) found |= finding.name == known ? 1 : 0;
        text += line(name, "finding", known, found);
    }
    return text;
}

std::vector<MetricFamily> make_families() {
    using enum MetricType;
    return {
        {"dynavg_build_info", gauge, "Always 1; version, node, network and model are its labels.",
         build_info},
        {"dynavg_uptime_seconds", gauge, "Since the daemon has started.",
         [](Name n, const Inputs& in) { return line(n, in.status.uptime_s); }},
        {"dynavg_health", gauge, "1 for each finding of dynavg status, else 0.", findings},
        {"dynavg_peers_live", gauge, "Other peers that are heard.",
         [](Name n, const Inputs& in) { return line(n, in.status.peers_live); }},
        {"dynavg_peers_known", gauge, "Other peers that have joined, live or not.",
         [](Name n, const Inputs& in) { return line(n, in.status.peers_known); }},
        {"dynavg_clock_skew_seconds", gauge,
         "By which the live peers' clocks, by their median, are ahead of this machine's.",
         [](Name n, const Inputs& in) { return maybe(n, in.status.clock_skew_s); }},
        {"dynavg_training_state", gauge, "1 for the state that local training is in, else 0.",
         training_states},
        {"dynavg_steps_total", counter, "Local steps, those of earlier lives included.",
         [](Name n, const Inputs& in) { return line(n, in.status.steps); }},
        {"dynavg_steps_since_reference", gauge, "Local steps since the reference.",
         [](Name n, const Inputs& in) { return line(n, in.status.steps_since_reference); }},
        {"dynavg_steps_per_second", gauge, "Over the last second or so, waiting included.",
         [](Name n, const Inputs& in) { return line(n, in.status.steps_per_second); }},
        {"dynavg_epoch", gauge, "Number of the reference in force.",
         [](Name n, const Inputs& in) { return line(n, in.status.epoch); }},
        {"dynavg_drift_squared", gauge, "Squared norm of this node's drift from the reference.",
         [](Name n, const Inputs& in) { return maybe(n, in.status.drift); }},
        {"dynavg_variance_estimate", gauge, "The variance bound, as this node sees it.",
         [](Name n, const Inputs& in) { return maybe(n, in.status.estimate); }},
        {"dynavg_variance_threshold", gauge, "Above it a round starts.",
         [](Name n, const Inputs& in) { return line(n, in.status.threshold); }},
        {"dynavg_reference_accuracy", gauge, "Share of test samples that the reference gets right.",
         [](Name n, const Inputs& in) { return maybe(n, in.status.accuracy); }},
        {"dynavg_reference_loss", gauge, "Mean cross entropy of the reference, in nats.",
         [](Name n, const Inputs& in) { return maybe(n, in.status.loss); }},
        {"dynavg_rounds_total", counter,
         "References since the start: of rounds with all who were expected, of rounds without some "
         "of them, and taken over from others.",
         rounds},
        {"dynavg_round_attempts_restarted_total", counter,
         "Attempts that were given up for another.",
         [](Name n, const Inputs& in) { return line(n, in.rounds.restarted); }},
        {"dynavg_round_duration_seconds", summary, "Of the committed rounds, from their call on.",
         round_durations},
        {"dynavg_round_open_seconds", gauge,
         "How long the open round has been open; 0 without one.",
         [](Name n, const Inputs& in) {
             const auto& round = in.status.round;
             return line(n, round ? static_cast<double>(round->since_ms) / 1000 : 0.0);
         }},
        {"dynavg_sent_bytes_total", counter, "Given to ZeroMQ, by what they were for.",
         [](Name n, const Inputs& in) { return by_kind(n, in.traffic.sent); }},
        {"dynavg_received_bytes_total", counter, "Got from ZeroMQ, by what they were for.",
         [](Name n, const Inputs& in) { return by_kind(n, in.traffic.received); }},
        {"dynavg_send_failed_total", counter,
         "Messages that a full queue or a lost connection did not take.",
         [](Name n, const Inputs& in) { return line(n, in.traffic.send_failed); }},
        {"dynavg_received_refused_total", counter, "Messages that made no sense.",
         [](Name n, const Inputs& in) { return line(n, in.traffic.received_refused); }},
        {"dynavg_exchange_limit_bytes_per_second", gauge, "Models are sent no faster; 0: no bound.",
         [](Name n, const Inputs& in) { return line(n, in.status.exchange_bytes_per_second); }},
        {"dynavg_disk_free_bytes", gauge, "Room for the state folder, as of its last write.",
         [](Name n, const Inputs& in) { return in.disk_free ? line(n, *in.disk_free) : ""; }},
        {"dynavg_log_lines_suppressed_total", counter,
         "Lines left out because peers made too many of them.",
         [](Name n, const Inputs& in) { return line(n, in.log.suppressed); }},
        {"dynavg_log_lines_lost_total", counter, "Lines that could not be written.",
         [](Name n, const Inputs& in) { return line(n, in.log.lost); }},
    };
}

}  // namespace

std::string_view name_of(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return "counter";
        case MetricType::gauge:
            return "gauge";
        case MetricType::summary:
            return "summary";
    }
    return "untyped";
}

const std::vector<MetricFamily>& metric_families() {
    static const std::vector<MetricFamily> families = make_families();
    return families;
}

std::string exposition(const MetricsInputs& inputs) {
    std::string text;
    text.reserve(8192);
    for (const MetricFamily& family : metric_families()) {
        const std::string samples = family.samples(family.name, inputs);
        if (samples.empty()) continue;
        text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                            name_of(family.type));
        text += samples;
    }
    return text;
}

}  // namespace dynavg::daemon
