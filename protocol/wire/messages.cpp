#include "protocol/wire/messages.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace dynavg::protocol {

namespace {

/// In the order of Message's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Message>> kMessageNames{
    "heartbeat",     "state",           "round-state", "hello",
    "hello-reply",   "peers-request",   "peers-reply", "round-request",
    "state-request", "history-request", "history",     "goodbye",
    "chunk-request", "chunk",           "probe",       "probe-reply",
};

struct TrafficOf {
    Traffic operator()(const StateMessage& /*message*/) const { return Traffic::monitoring; }
    Traffic operator()(const StateRequest& /*message*/) const { return Traffic::monitoring; }
    Traffic operator()(const ChunkRequest& /*message*/) const { return Traffic::averaging; }
    Traffic operator()(const Chunk& /*message*/) const { return Traffic::averaging; }
    template <class Other>
    Traffic operator()(const Other& /*message*/) const {
        return Traffic::overhead;
    }
};

}  // namespace

std::string_view name_of(RoundReason reason) {
    switch (reason) {
        case RoundReason::crossing:
            return "crossing";
        case RoundReason::every_step:
            return "every-step";
        case RoundReason::final:
            return "final";
        case RoundReason::merge:
            return "merge";
        case RoundReason::leave:
            return "leave";
        case RoundReason::regroup:
            return "regroup";
        case RoundReason::violation:
            return "violation";
        case RoundReason::interval:
            return "interval";
        case RoundReason::overdue:
            return "overdue";
        case RoundReason::threshold_set:
            return "threshold-set";
    }
    return "unknown";
}

std::string_view name_of(Reach reach) {
    switch (reach) {
        case Reach::not_tried:
            return "not-tried";
        case Reach::reached:
            return "reached";
        case Reach::other_key:
            return "other-key";
        case Reach::other_program:
            return "other-program";
        case Reach::refused:
            return "refused";
        case Reach::silent:
            return "silent";
        case Reach::no_route:
            return "no-route";
        case Reach::no_such_host:
            return "no-such-host";
    }
    return "unknown";
}

Traffic traffic_of(const Message& message) {
    return std::visit(TrafficOf{}, message);
}

std::string_view name_of(const Message& message) {
    return kMessageNames.at(message.index());
}

Roster voters_of(const HistoryEntry& entry) {
    Roster voters;
    std::set_difference(entry.roster.begin(), entry.roster.end(), entry.leaving.begin(),
                        entry.leaving.end(), std::back_inserter(voters));
    return voters.empty() ? entry.roster : voters;
}

}  // namespace dynavg::protocol
