#include "protocol/core/core_events.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "protocol/round/roster.hpp"

namespace dynavg::protocol {

namespace {

std::string explain(RoundReason reason, const Evidence& evidence) {
    switch (reason) {
        case RoundReason::crossing:
            break;
        case RoundReason::every_step:
            return "the monitor asks for a round after every step";
        case RoundReason::violation:
            return fmt::format(
                "a model's squared distance from the reference, {:.4g}, is above the threshold "
                "{:.4g}: all models are averaged",
                evidence.estimate, evidence.threshold);
        case RoundReason::interval:
            return "the monitor asks for a round after so many steps";
        case RoundReason::overdue:
            return "twice the target interval has passed without a crossing: a round finds the "
                   "next threshold";
        case RoundReason::threshold_set:
            return "a person has set a threshold below the variance bound: a round puts it in "
                   "force";
        case RoundReason::final:
            return "all peers have done their steps: a last round makes the final reference";
        case RoundReason::merge:
            return "two networks with different references have met: a round over all of them "
                   "makes one again";
        case RoundReason::leave:
            return "this peer leaves: a last round hands over what it has learned";
        case RoundReason::regroup:
            return "nobody is in step any more: a round lets all start together again";
    }
    return fmt::format(
        "the variance bound {:.4g} is above the threshold {:.4g}: all models are averaged",
        evidence.estimate, evidence.threshold);
}

std::vector<std::string> names_of(const Roster& roster) {
    std::vector<std::string> names;
    names.reserve(roster.size());
    for (const Member& member : roster) names.push_back(member.id.fingerprint());
    return names;
}

/// The rest is in the event's field.
constexpr std::size_t kNamesInSentenceMax = 8;

std::string enumeration(const std::vector<std::string>& names) {
    const std::size_t shown = std::min(names.size(), kNamesInSentenceMax);
    std::string text = fmt::format("{}", fmt::join(std::span(names).first(shown), ", "));
    if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
    return text;
}

bool is_same_peer(const Member& a, const Member& b) {
    return a.id == b.id;
}

/// Names and fingerprints of those of `expected` that are not among `present`, in any life.
std::vector<std::string> missing_of(const Roster& expected, const Roster& present,
                                    const PeerTable& peers) {
    std::vector<std::string> missing;
    for (const Member& member : expected) {
        const auto is_it = [&member](const Member& other) { return is_same_peer(member, other); };
        if (std::any_of(present.begin(), present.end(), is_it)) continue;
        const PeerInfo* peer = peers.find(member.id);
        const bool named = peer != nullptr && !peer->name.empty();
        missing.push_back(named ? fmt::format("{} ({})", peer->name, member.id.fingerprint())
                                : member.id.fingerprint());
    }
    return missing;
}

}  // namespace

Roster expected_members(const Round& round, const Roster& body) {
    Roster expected = round.sets().candidates;
    keep_latest_lives(expected);
    for (const Member& voter : body) {
        const auto is_it = [&voter](const Member& other) { return is_same_peer(voter, other); };
        if (std::none_of(expected.begin(), expected.end(), is_it)) expected.push_back(voter);
    }
    return expected;
}

Event crossing_event(const Evidence& evidence, MonitorKind monitor) {
    const RoundReason reason = evidence.reason;
    return Event("crossing", reason == RoundReason::every_step ? Level::debug : Level::info,
                 explain(reason, evidence))
        .with("reason", std::string(name_of(reason)))
        .with("estimate", evidence.estimate)
        .with("threshold", evidence.threshold)
        .with("monitor", std::string(name_of(monitor)))
        .with("states", evidence.states)
        .with("oldest_state_ms", evidence.oldest_state_ms);
}

Event training_alone_event() {
    return {"training_alone", Level::info,
            "no other peer has joined yet: this node trains alone until its first peer comes, and "
            "then they average; to add one, name this node's address in [node] peers there, or let "
            "it join by the token that `dynavg token` prints here"};
}

Event round_impossible_event(const Roster& live, const Roster& body, const PeerTable& peers) {
    const auto missing = missing_of(body, live, peers);
    return Event("round_impossible", Level::warning,
                 fmt::format("the models have drifted apart, but only {} peers are live here, too "
                             "few or no quorum of the last round: this node trains on and the "
                             "reference stays; start or reconnect the missing peers{}",
                             live.size(), missing.empty() ? "" : ": " + enumeration(missing)))
        .with("live", live.size())
        .with("expected", body.size())
        .with("missing", missing);
}

Event round_started_event(const InRound& in, std::size_t expected) {
    const Round& round = in.round;
    const bool again = in.reported.has_value();
    Roster suspects;
    std::set_difference(round.sets().candidates.begin(), round.sets().candidates.end(),
                        round.members().begin(), round.members().end(),
                        std::back_inserter(suspects));
    const bool lost = again && !suspects.empty();
    Event event(again ? "round_restarted" : "round_started", lost ? Level::warning : Level::info,
                lost    ? "a smaller roster finishes the round"
                : again ? "another peer is there in time: the round is over one more"
                        : "all members agree on who is in");
    event.with("round", round.key().round.text())
        .with("attempt", round.attempt().value())
        .with("participants", round.members().size())
        .with("expected", expected);
    if (again) {
        event.with("reason", std::string(lost ? "a member was lost" : "a peer came in"))
            .with("suspects", names_of(suspects));
    }
    if (round.evidence().reason == RoundReason::every_step) event.level = Level::debug;
    return event;
}

Event round_timed_out_event(Epoch target, Attempt next) {
    return Event(
               "round_restarted", Level::warning,
               "the round did not settle or finish in time; it starts anew with the peers that are "
               "live now")
        .with("round", fmt::to_string(target.value()))
        .with("attempt", next.value())
        .with("reason", std::string("timeout"))
        .with("suspects", std::vector<std::string>{});
}

Event contribution_refused_event(const Member& member, const std::string& reason) {
    return Event(
               "contribution_refused", Level::warning,
               fmt::format("the contribution of {} is unusable ({}); it sits out this round: look "
                           "at that peer's log, its training may have diverged",
                           member.id.fingerprint(), reason))
        .with("peer", member.id.fingerprint())
        .with("reason", reason);
}

Event merged_event(const InRound& in, const ReferenceId& before) {
    return Event("merged", Level::warning,
                 fmt::format("the two networks have one common model again, reference {}; outer "
                             "optimizer, direction "
                             "and threshold begin anew",
                             in.round.target().value()))
        .with("from_reference", before.digest.hex())
        .with("to_reference", in.prepared_value->id.digest.hex())
        .with("source", std::string("merge round"));
}

Event round_committed_event(const InRound& in, const Member& self, const Roster& expected,
                            const PeerTable& peers, Instant now) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const Epoch target = in.round.target();
    const Evidence& evidence = in.round.evidence();
    const Roster& roster = in.round.prepared()->roster;
    const std::vector<std::string> missing = missing_of(expected, roster, peers);
    std::uint64_t steps = 0;
    if (in.certificate && in.certificate->roster == roster) {
        for (const ContributionFacts& facts : in.certificate->facts) steps += facts.steps;
    }
    const Level level = !missing.empty()                             ? Level::warning
                        : evidence.reason == RoundReason::every_step ? Level::debug
                                                                     : Level::info;
    return Event("round_committed", level,
                 fmt::format("{} of {} peers averaged their models: reference {} is in force{}",
                             roster.size(), expected.size(), target.value(),
                             missing.empty() ? "" : "; missing: " + enumeration(missing)))
        .with("round", RoundId{target, digest_of(roster)}.text())
        .with("attempt", in.round.attempt().value())
        .with("peer_id", self.id.fingerprint())
        .with("reason", std::string(name_of(evidence.reason)))
        .with("participants", names_of(roster))
        .with("expected", expected.size())
        .with("missing", missing)
        .with("digest", in.prepared_value->id.digest.hex())
        .with("estimate", evidence.estimate)
        .with("threshold", evidence.threshold)
        .with("steps", steps)
        .with("duration_ms", duration_cast<milliseconds>(now - in.called_at).count());
}

Event adopted_event(const PeerId& source, const ReferenceId& before, const ReferenceId& after,
                    Role role) {
    return Event("adopted", Level::info,
                 fmt::format("the common model, reference {}, was taken over from {}{}",
                             after.epoch.value(), source.fingerprint(),
                             role == Role::observer ? "" : "; local training goes on from it"))
        .with("from_reference", before.digest.hex())
        .with("to_reference", after.digest.hex())
        .with("source", source.fingerprint());
}

Event fork_detected_event(const PeerId& from, const ReferenceId& own, const ReferenceId& theirs) {
    return Event(
               "fork_detected", Level::warning,
               fmt::format(
                   "{} has a common model (reference {}) that this node never had: its network was "
                   "separated from this one",
                   from.fingerprint(), theirs.epoch.value()))
        .with("peer", from.fingerprint())
        .with("from_reference", own.digest.hex())
        .with("to_reference", theirs.digest.hex())
        .with("source", from.fingerprint());
}

Event state_refused_event(const PeerId& from) {
    return Event("state_refused", Level::warning,
                 "a peer's local state is not finite or has the wrong size; it is ignored: look at "
                 "that peer's log, its training may have diverged")
        .with("peer", from.fingerprint());
}

std::optional<Event> threshold_set_event(const Reference& before, const Reference& after) {
    if (!after.setting() || after.setting() == before.setting()) return std::nullopt;
    return Event("threshold_set", Level::info,
                 fmt::format("the threshold is {:.4g} from reference {} on, as a person has set "
                             "it; it was {:.4g}",
                             after.threshold, after.epoch.value(), before.threshold))
        .with("threshold", after.threshold)
        .with("before", before.threshold);
}

}  // namespace dynavg::protocol
