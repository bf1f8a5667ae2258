#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "protocol/node_core.hpp"
#include "protocol/roster.hpp"

// What the log says of rounds (docs/events.md).

namespace dynavg::protocol {

namespace {

std::vector<std::string> names_of(const Roster& roster) {
    std::vector<std::string> names;
    names.reserve(roster.size());
    for (const Member& member : roster) names.push_back(member.id.fingerprint());
    return names;
}

}  // namespace

void NodeCore::report_round_start() {
    const RoundId id = m_round->key().round;
    if (m_reported_round == id) return;
    const bool again = m_reported_round.has_value();
    m_reported_round = id;
    const std::size_t expected =
        std::max(m_round->sets().candidates.size(), m_history.last().roster.size());
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
        .with("expected", expected);
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
    const std::size_t expected =
        std::max(m_round->sets().candidates.size(), m_history.last().roster.size());
    const bool all_in = roster.size() >= expected;
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
    const Level level = !all_in                                      ? Level::warning
                        : evidence.reason == RoundReason::every_step ? Level::debug
                                                                     : Level::info;
    m_actions.events.push_back(
        Event("round_committed", level,
              fmt::format("{} of {} peers averaged their models: reference {} is in force",
                          roster.size(), expected, m_round->target().value()))
            .with("round", RoundId{m_round->target(), digest_of(roster)}.text())
            .with("attempt", m_round->attempt().value())
            .with("reason", std::string(name_of(evidence.reason)))
            .with("participants", names_of(roster))
            .with("expected", expected)
            .with("digest", m_prepared_value->id.digest.hex())
            .with("estimate", evidence.estimate)
            .with("threshold", evidence.threshold)
            .with("steps", steps)
            .with("duration_ms", duration_cast<milliseconds>(now - m_called_at).count()));
}

}  // namespace dynavg::protocol
