#include <algorithm>
#include <chrono>
#include <span>

#include <fmt/format.h>

#include "protocol/core/node_core.hpp"
#include "protocol/round/roster.hpp"

// What the log says of rounds (docs/events.md).

namespace dynavg::protocol {

namespace {

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

}  // namespace

/// Whom the open round should take in: its candidates, and who votes on it, each once.
Roster NodeCore::expected_members() const {
    Roster expected = m_round->sets().candidates;
    keep_latest_lives(expected);
    for (const Member& voter : m_electorate.body()) {
        const auto is_same = [&voter](const Member& other) { return other.id == voter.id; };
        if (std::none_of(expected.begin(), expected.end(), is_same)) expected.push_back(voter);
    }
    return expected;
}

/// Names and fingerprints of those of `expected` that are not among `present`, in any life.
std::vector<std::string> NodeCore::missing_of(const Roster& expected, const Roster& present) const {
    std::vector<std::string> missing;
    for (const Member& member : expected) {
        const auto is_same = [&member](const Member& other) { return other.id == member.id; };
        if (std::any_of(present.begin(), present.end(), is_same)) continue;
        const PeerInfo* peer = find_peer(member.id);
        const bool named = peer != nullptr && !peer->name.empty();
        missing.push_back(named ? fmt::format("{} ({})", peer->name, member.id.fingerprint())
                                : member.id.fingerprint());
    }
    return missing;
}

/// A round is due and cannot be.
void NodeCore::report_round_impossible(const Roster& live) {
    const auto missing = missing_of(m_electorate.body(), live);
    m_actions.events.push_back(
        Event("round_impossible", Level::warning,
              fmt::format("the models have drifted apart, but only {} peers are live here, too few "
                          "or no quorum of the last round: this node trains on and the reference "
                          "stays; start or reconnect the missing peers{}",
                          live.size(), missing.empty() ? "" : ": " + enumeration(missing)))
            .with("live", live.size())
            .with("expected", m_electorate.body().size())
            .with("missing", missing));
}

void NodeCore::report_round_start() {
    const RoundId id = m_round->key().round;
    if (m_reported_round == id) return;
    const bool again = m_reported_round.has_value();
    m_reported_round = id;
    Roster suspects;
    std::set_difference(m_round->sets().candidates.begin(), m_round->sets().candidates.end(),
                        m_round->members().begin(), m_round->members().end(),
                        std::back_inserter(suspects));
    const bool lost = again && !suspects.empty();
    Event event(again ? "round_restarted" : "round_started", lost ? Level::warning : Level::info,
                lost    ? "a smaller roster finishes the round"
                : again ? "another peer is there in time: the round is over one more"
                        : "all members agree on who is in");
    event.with("round", id.text())
        .with("attempt", m_round->attempt().value())
        .with("participants", m_round->members().size())
        .with("expected", expected_members().size());
    if (again) {
        event.with("reason", std::string(lost ? "a member was lost" : "a peer came in"))
            .with("suspects", names_of(suspects));
    }
    if (m_round->evidence().reason == RoundReason::every_step) event.level = Level::debug;
    m_actions.events.push_back(std::move(event));
}

void NodeCore::report_commit(Instant now) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const Evidence& evidence = m_round->evidence();
    const Roster& roster = m_round->prepared()->roster;
    const Roster expected = expected_members();
    const std::vector<std::string> missing = missing_of(expected, roster);
    if (evidence.reason == RoundReason::merge) {
        m_actions.events.push_back(
            Event("merged", Level::warning,
                  fmt::format("the networks are one again at reference {}; outer state, direction "
                              "and threshold begin anew",
                              m_round->target().value()))
                .with("from_reference", m_reference->id.digest.hex())
                .with("to_reference", m_prepared_value->id.digest.hex())
                .with("source", std::string("merge round")));
    }
    std::uint64_t steps = 0;
    if (m_certificate && m_certificate->roster == roster) {
        for (const ContributionFacts& facts : m_certificate->facts) steps += facts.steps;
    }
    const Level level = !missing.empty()                             ? Level::warning
                        : evidence.reason == RoundReason::every_step ? Level::debug
                                                                     : Level::info;
    m_actions.events.push_back(
        Event("round_committed", level,
              fmt::format("{} of {} peers averaged their models: reference {} is in force{}",
                          roster.size(), expected.size(), m_round->target().value(),
                          missing.empty() ? "" : "; missing: " + enumeration(missing)))
            .with("round", RoundId{m_round->target(), digest_of(roster)}.text())
            .with("attempt", m_round->attempt().value())
            .with("peer_id", m_options.self.id.fingerprint())
            .with("reason", std::string(name_of(evidence.reason)))
            .with("participants", names_of(roster))
            .with("expected", expected.size())
            .with("missing", missing)
            .with("digest", m_prepared_value->id.digest.hex())
            .with("estimate", evidence.estimate)
            .with("threshold", evidence.threshold)
            .with("steps", steps)
            .with("duration_ms", duration_cast<milliseconds>(now - m_called_at).count()));
}

}  // namespace dynavg::protocol
