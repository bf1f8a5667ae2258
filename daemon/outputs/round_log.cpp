#include "daemon/outputs/round_log.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dynavg::daemon {

using protocol::Event;

namespace {

template <class T>
T field(const Event& event, std::string_view key) {
    const auto* value = event.find(key);
    const auto* typed = value == nullptr ? nullptr : std::get_if<T>(value);
    return typed == nullptr ? T{} : *typed;
}

template <class T>
T count(const Event& event, std::string_view key) {
    return static_cast<T>(std::max<std::int64_t>(field<std::int64_t>(event, key), 0));
}

std::optional<double> finite(double value) {
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

control::RoundRecord committed(const Event& event) {
    control::RoundRecord record;
    record.outcome = "committed";
    record.digest = field<std::string>(event, "digest");
    record.round = field<std::string>(event, "round");
    record.reason = field<std::string>(event, "reason");
    record.attempts = count<std::uint32_t>(event, "attempt") + 1;
    record.participants = field<std::vector<std::string>>(event, "participants");
    record.expected = count<std::uint32_t>(event, "expected");
    record.estimate = finite(field<double>(event, "estimate"));
    record.threshold = finite(field<double>(event, "threshold"));
    record.steps = count<std::uint64_t>(event, "steps");
    record.duration_ms = count<std::uint64_t>(event, "duration_ms");
    record.bytes_sent = count<std::uint64_t>(event, "bytes_sent");
    record.bytes_received = count<std::uint64_t>(event, "bytes_received");
    record.bytes_monitoring = count<std::uint64_t>(event, "bytes_monitoring");
    return record;
}

}  // namespace

void RoundLog::note(const Event& event, protocol::Epoch epoch, std::uint64_t unix_ms) {
    control::RoundRecord record;
    if (event.name == "round_committed") {
        record = committed(event);
        ++m_counts.committed;
        if (record.participants.size() < record.expected) ++m_counts.incomplete;
        m_counts.seconds += static_cast<double>(record.duration_ms) / 1000;
    } else if (event.name == "adopted") {
        record.outcome = "adopted";
        record.digest = field<std::string>(event, "to_reference");
        ++m_counts.adopted;
    } else {
        if (event.name == "round_restarted") ++m_counts.restarted;
        return;
    }
    record.epoch = epoch.value();
    record.at_ms = unix_ms;
    m_rounds.push_back(std::move(record));
    if (m_rounds.size() > control::kRoundsKept) m_rounds.pop_front();
}

control::RoundsReply RoundLog::last(std::size_t count) const {
    const std::size_t shown = std::min(count, m_rounds.size());
    return {{m_rounds.end() - static_cast<std::ptrdiff_t>(shown), m_rounds.end()}};
}

}  // namespace dynavg::daemon
