#pragma once

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "protocol/core/node_core.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

using namespace std::chrono_literals;

struct CoreDriverOptions {
    int self = 0;
    AveragingSettings averaging{};
    Roster others{};  ///< Live from the start, at epoch 0.
    std::uint32_t start_peers = 1;
    double threshold = 5;
    float weight = 1;
    std::optional<RestoredCore> restored{};
    bool durable = false;
    std::uint32_t life = 1;  ///< Incarnation.
    Role role = Role::member;
};

inline AveragingSettings norm_settings(Pace pace = Pace::free) {
    AveragingSettings settings;
    settings.monitor = MonitorKind::norm;
    settings.pace = pace;
    settings.state_interval = 0ms;
    return settings;
}

/// Drives one core by hand: each call passes in one thing, at the time that the test has set, and
/// returns what the core then asks for. The other peers' words are the test's.
class CoreDriver {
public:
    explicit CoreDriver(CoreDriverOptions options)
        : self(peer(options.self, options.life)),
          initial(make_initial_reference({4, 0, has_direction(options.averaging.monitor)},
                                         {0, 0, 0, 0}, options.threshold, 1)),
          core(core_options(options)) {
        for (const Member& other : options.others) view.peers.push_back(info_of(other));
        look();
    }

    [[nodiscard]] PeerInfo info_of(const Member& member) const {
        PeerInfo info;
        info.member = member;
        info.live = true;
        info.reference = initial->id;
        info.suspicion_timeout = 2s;
        return info;
    }
    /// Discovery's knowledge of a peer; look() passes it on.
    [[nodiscard]] PeerInfo& info(int number) {
        return *std::find_if(view.peers.begin(), view.peers.end(), [number](const PeerInfo& peer) {
            return peer.member.order == number;
        });
    }
    Actions look() {
        core.on_peers(view, now);
        return core.take_actions(now);
    }

    /// A local step, the n-th since the reference, with this squared norm of the drift.
    Actions step(std::uint64_t since_reference, float squared_norm,
                 const std::vector<float>& values = {}) {
        StepReport report;
        report.reference = core.reference()->id;
        report.steps = steps_before + since_reference;
        report.steps_since_reference = since_reference;
        if (since_reference > 0) report.state = LocalState{squared_norm, values};
        report.done = done;
        core.on_step(report, now);
        return core.take_actions(now);
    }
    /// The trainer has moved to the reference, and has so many steps left in its drift.
    Actions installed(std::uint64_t left = 0) {
        StepReport report;
        report.reference = core.reference()->id;
        report.steps = steps_before + left;
        report.steps_since_reference = left;
        if (left > 0) report.state = LocalState{0, {}};
        report.done = done;
        core.on_step(report, now);
        return core.take_actions(now);
    }
    Actions tick() {
        core.on_tick(now);
        return core.take_actions(now);
    }

    [[nodiscard]] static Header header_of(const ReferenceId& reference) {
        Header header;
        header.epoch = reference.epoch;
        header.reference_tag = reference.digest.high;
        return header;
    }
    /// A message of a peer at `reference`.
    Actions hear_at(const ReferenceId& reference, const Member& from, const Message& message) {
        core.on_message(from, header_of(reference), message, now);
        return core.take_actions(now);
    }
    Actions hear(const Member& from, const Message& message) {
        return hear_at(core.reference()->id, from, message);
    }
    Actions hear(int from, const Message& message) { return hear(peer(from), message); }
    Actions hear_state(int from, std::uint32_t step, float squared_norm,
                       const std::vector<float>& values = {}) {
        return hear(from, StateMessage{step, {squared_norm, values}});
    }
    Actions hear_heartbeat_at(const ReferenceId& reference, int from) {
        Heartbeat heartbeat;
        heartbeat.reference_digest = reference.digest;
        return hear_at(reference, peer(from), heartbeat);
    }

    /// The round state of a peer that holds the same sets of the round in progress.
    [[nodiscard]] RoundState agreeing(std::optional<Prepared> prepared = {}) const {
        const Round& round = *core.round();
        return {round.target(),   round.attempt(), core.reference()->id,
                round.evidence(), round.sets(),    std::move(prepared)};
    }
    /// All other members of the round say that they hold its sets.
    Actions agree() {
        Actions actions;
        for (const Member& member : Roster(core.round()->members())) {
            if (member == self) continue;
            Actions more = hear(member, agreeing());
            if (more.start_exchange) actions.start_exchange = more.start_exchange;
        }
        return actions;
    }
    /// A round call as another peer publishes it.
    [[nodiscard]] RoundState call_of(const Roster& candidates, Attempt attempt = Attempt(0)) const {
        RoundState state;
        state.target = core.reference()->epoch.next();
        state.attempt = attempt;
        state.reference = core.reference()->id;
        state.evidence = {RoundReason::crossing, 9, 5, 2, 0, StepIndex(3)};
        state.sets.candidates = candidates;
        return state;
    }

    [[nodiscard]] ReferencePointer next_value(float value = 1) const {
        return make_next_reference(*core.reference(), core.reference()->epoch.next(),
                                   {value, value, value, value});
    }
    Actions exchange_done(const ExchangeOrder& order, const ReferencePointer& value) {
        ExchangeResult result;
        result.key = order.key;
        result.ballot = order.ballot;
        result.certificate.roster = order.roster;
        result.certificate.facts.resize(order.roster.size(), {3, 1, 4});
        result.value = value;
        core.on_exchange_done(result, now);
        return core.take_actions(now);
    }
    /// A whole round by the book, called by this peer's step; all live peers are in it, but for
    /// whom peer 1's accusations keep out. Ends with the install, confirmed by the trainer.
    void commit_a_round(float value = 1, const std::vector<Accusation>& accusations = {}) {
        step(1, 100);
        if (!accusations.empty()) {
            RoundState word = agreeing();
            word.sets.accusations = accusations;
            hear(1, word);
        }
        const Actions agreed = agree();
        const ReferencePointer next = next_value(value);
        // It may commit at once, and then there is no round any more.
        const Roster members = agreed.start_exchange->roster;
        exchange_done(*agreed.start_exchange, next);
        for (const Member& member : members) {
            if (member == self || !core.round()) continue;
            hear(member, agreeing(Prepared{core.round()->ballot(), next->id.digest, members}));
        }
        for (PeerInfo& other : view.peers) other.reference = core.reference()->id;
        steps_before += 1;
        look();
        installed();
    }

private:
    [[nodiscard]] NodeCoreOptions core_options(const CoreDriverOptions& options) const {
        NodeCoreOptions core_options;
        core_options.self = self;
        core_options.weight = options.weight;
        core_options.averaging = options.averaging;
        core_options.initial = initial;
        core_options.start_peers = options.start_peers;
        core_options.restored = options.restored;
        core_options.durable = options.durable;
        core_options.role = options.role;
        return core_options;
    }

public:
    Instant now{1h};
    Member self;
    ReferencePointer initial;
    NodeCore core;
    PeerView view;
    std::uint64_t steps_before = 0;  ///< Local steps that are in the reference.
    bool done = false;
};

[[nodiscard]] inline const Event* find_event(const Actions& actions, std::string_view name) {
    for (const Event& event : actions.events) {
        if (event.name == name) return &event;
    }
    return nullptr;
}

/// The first published message of a kind.
template <class T>
[[nodiscard]] std::optional<T> published(const Actions& actions) {
    for (const Message& message : actions.publish) {
        if (const auto* found = std::get_if<T>(&message)) return *found;
    }
    return std::nullopt;
}

/// The first message of a kind that is sent to a peer.
template <class T>
[[nodiscard]] std::optional<T> sent(const Actions& actions, int to) {
    for (const auto& [id, message] : actions.send) {
        const auto* found = std::get_if<T>(&message);
        if (found != nullptr && id == peer(to).id) return *found;
    }
    return std::nullopt;
}

}  // namespace dynavg::protocol
