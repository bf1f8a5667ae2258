#include "simulation/checkers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "simulation/peer/toy_learner.hpp"

namespace dynavg::simulation {

using protocol::Epoch;
using protocol::Instant;

namespace {

constexpr std::size_t kViolationsMax = 20;
/// So long after the last fault the sets that peers step with are again those that they see.
constexpr protocol::Duration kCalm = std::chrono::minutes(1);
/// So long after a goodbye all that it leads to has come about.
constexpr protocol::Duration kLastWordsTimeMax = std::chrono::seconds(5);
/// Steps of an epoch whose drifts are remembered.
constexpr std::uint32_t kStepsRemembered = 4;

const std::vector<float>& toy_values(const Peer& peer) {
    return dynamic_cast<const ToyLearner&>(peer.learner()).values();
}

bool all_finite(const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

Checkers::Checkers(const EventQueue& events, std::size_t peers,
                   protocol::AveragingSettings averaging, protocol::ReferencePointer initial)
    : m_events(events), m_peers(peers), m_averaging(averaging), m_ledgers(peers) {
    m_committed.emplace(Epoch(0), Committed{std::move(initial), std::vector<double>(peers)});
}

void Checkers::report(std::string invariant, std::string detail) {
    if (m_violations.size() >= kViolationsMax) return;
    m_violations.push_back({std::move(invariant), std::move(detail), m_events.now()});
}

void Checkers::trace(const Peer& peer, std::string_view what, std::string_view detail) {
    if (!m_trace) return;
    m_trace(fmt::format("{:9.3f} peer {} epoch {} steps {}+{}: {}: {}",
                        static_cast<double>(m_events.now().time_since_epoch().count()) / 1e6,
                        peer.index(), peer.installed()->epoch.value(),
                        peer.steps() - peer.steps_since_reference(), peer.steps_since_reference(),
                        what, detail));
}

protocol::Duration Checkers::calm() const {
    if (m_faults == nullptr) return protocol::Duration::max();
    const auto since = m_faults->quiet_since();
    return since ? m_events.now() - *since : protocol::Duration::zero();
}

void Checkers::on_started(const Peer& peer) {
    m_on_disk[peer.index()] = peer.installed()->id;
    m_trust.on_started(peer);
    if (peer.lives() == 1) return;
    trace(peer, "restarted", fmt::format("life {}", peer.lives()));
    if (peer.is_observer()) return;
    check_handed_over(peer.index());
    check_restart(peer);
}

// Handed over.
void Checkers::on_leaving(const Peer& peer) {
    trace(peer, "leaves", "");
    const protocol::NodeCore& core = peer.core();
    const protocol::HistoryEntry& last = core.history().last();
    if (peer.is_observer() || !contains(last.leaving, peer.member())) return;
    // In vain, if there is nobody any more that could take it over.
    const auto& known = peer.node().membership().view().peers;
    const bool others_are_live =
        std::any_of(known.begin(), known.end(), [&](const protocol::PeerInfo& other) {
            return other.live && contains(last.roster, other.member);
        });
    const PeerIndex leaver = peer.index();
    const auto has_it = [&](const auto& other) {
        return other.first != leaver && other.second >= last.reference.epoch;
    };
    const bool taken_over = std::any_of(m_newest.begin(), m_newest.end(), has_it);
    if (others_are_live && !taken_over) {
        m_handed_over[leaver] = {last.reference.epoch, m_events.now()};
    }
}

/// It comes back, or nothing will happen any more.
void Checkers::check_handed_over(PeerIndex leaver) {
    const auto left = m_handed_over.find(leaver);
    if (left == m_handed_over.end()) return;
    const HandedOver handed_over = left->second;
    m_handed_over.erase(left);
    // Its last messages may still be under way.
    if (m_events.now() - handed_over.when < kLastWordsTimeMax) return;
    report("handed over",
           fmt::format("peer {} left with reference {}, and no other peer ever had it", leaver,
                       handed_over.epoch.value()));
}

/// A durable record is there again after a crash, unless the disk has lost it.
void Checkers::check_restart(const Peer& peer) {
    std::optional<double> recorded;
    const auto& found = peer.found();
    if (found && found->local && !found->fell_back) recorded = held_by(peer, *found->local);
    const auto promised = m_recorded.find(peer.index());
    const bool lost = promised != m_recorded.end() && !(recorded >= promised->second);
    // Copied between the moment when the model diverged and the drop: nothing of it is promised.
    const bool had_diverged = found && found->local && !all_finite(found->local->drift);
    const bool excused = !found || had_diverged || peer.disk().is_damaged();
    if (lost && !excused) {
        report("durable", fmt::format("peer {} had {} steps on disk and found {}", peer.index(),
                                      promised->second, recorded.value_or(0)));
    }
    m_recorded.erase(peer.index());
    if (recorded) m_recorded.emplace(peer.index(), *recorded);
    m_ledgers[peer.index()].on_restarted(peer.installed()->epoch, held(peer), recorded);
}

void Checkers::on_crashed(const Peer& peer) {
    trace(peer, "crashed", fmt::format("life {}", peer.lives()));
    if (peer.is_observer()) return;
    const Epoch installed = peer.installed()->epoch;
    m_ledgers[peer.index()].on_crashed(installed, in_references(peer.index(), installed));
    m_rounds.erase(peer.index());
    for (auto& [step, drifts] : m_drifts) drifts.erase(peer.index());
}

// Finite, and exactly once.
void Checkers::on_frozen(const Peer& peer, const protocol::Contribution& contribution) {
    if (peer.is_observer()) return report("observer", "an observer gives a model to a round");
    const PeerIndex own = peer.index();
    if (!all_finite(contribution.values) || !all_finite(toy_values(peer))) {
        report("finite", fmt::format("peer {} gives to a round with a model that is not", own));
    }
    const double drift = static_cast<double>(contribution.values[own]) -
                         static_cast<double>(peer.installed()->values[own]);
    const double held = in_references(own, peer.installed()->epoch) + drift;
    if (&contribution == peer.given().get()) {
        m_ledgers[own].on_given_again(contribution.target, held, drift);
    } else {
        m_ledgers[own].on_frozen(contribution.target, held);
    }
}

// Durable order: each record on disk is on top of the reference there.
void Checkers::on_writing(const Peer& peer, const peer::Write& write) {
    const auto* commit = std::get_if<peer::Commit>(&write);
    const protocol::ReferenceId on_disk = m_on_disk[peer.index()];
    if (commit == nullptr && on_disk != peer.installed()->id) {
        report("durable order",
               fmt::format("peer {} writes its {} on top of reference {}, and not of {}",
                           peer.index(), name_of(kind_of(write)), on_disk.epoch.value(),
                           peer.installed()->epoch.value()));
    }
    const auto* prepared = std::get_if<protocol::PreparedRecord>(&write);
    if (prepared != nullptr && prepared->value->epoch <= on_disk.epoch) {
        report("durable order", fmt::format("peer {} writes a value for epoch {} after it is over",
                                            peer.index(), prepared->value->epoch.value()));
    }
}

void Checkers::on_written(const Peer& peer, const peer::Write& write) {
    if (const auto* commit = std::get_if<peer::Commit>(&write)) {
        m_on_disk[peer.index()] = commit->reference->id;
    } else if (const auto* record = std::get_if<protocol::LocalRecord>(&write)) {
        m_recorded.insert_or_assign(peer.index(), held_by(peer, *record));
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&write)) {
        m_holders[prepared->value->id.digest].emplace(peer.index(), peer.now());
    }
}

// Justified.
void Checkers::on_event(const Peer& peer, const protocol::Event& event) {
    ++m_event_counts[std::string(event.name)];
    trace(peer, event.name, event.message);
    if (event.level == protocol::Level::error) report("no error event", event.message);
    if (event.name == "diverged" && !peer.is_observer()) {
        m_ledgers[peer.index()].on_dropped(peer.installed()->epoch, held(peer));
        // A copy that is written from now on holds no more than this.
        const auto promised = m_recorded.find(peer.index());
        if (promised != m_recorded.end()) {
            promised->second = std::min(promised->second, held(peer));
        }
    }
    if (event.name != "round_committed" && event.name != "crossing") return;
    if (peer.is_observer()) return report("observer", "an observer is in a round");
    const auto* reason = std::get_if<std::string>(event.find("reason"));
    const auto* estimate = std::get_if<double>(event.find("estimate"));
    const auto* threshold = std::get_if<double>(event.find("threshold"));
    const bool told = reason != nullptr && estimate != nullptr && threshold != nullptr;
    const bool needs_a_crossing = told && (*reason == "crossing" || *reason == "violation");
    if (!told || (needs_a_crossing && !(*estimate > *threshold))) {
        report("justified", fmt::format("peer {} started a round without a crossing: {}",
                                        peer.index(), event.message));
    }
}

// One value per ballot.
void Checkers::on_published(const Peer& peer, const protocol::Message& message) {
    if (peer.is_observer()) return report("observer", "an observer tells more than heartbeats");
    const auto* state = std::get_if<protocol::RoundState>(&message);
    if (state == nullptr || !state->prepared) return;
    m_holders[state->prepared->digest].emplace(peer.index(), peer.now());
    const auto key = std::pair(state->target, state->prepared->ballot);
    const auto [place, added] = m_prepared.emplace(key, state->prepared->digest);
    if (!added && place->second != state->prepared->digest) {
        report(
            "one value per ballot",
            fmt::format("peer {} prepared another value for epoch {}, attempt {}, size {}",
                        peer.index(), state->target.value(),
                        state->prepared->ballot.attempt.value(), state->prepared->ballot.set_size));
    }
}

void Checkers::on_install(const Peer& peer, const protocol::Install& install) {
    // Members lead, observers follow.
    if (peer.is_observer() && !m_committed.contains(install.reference->epoch)) {
        return report("observer", fmt::format("observer {} holds reference {}, which no member has",
                                              peer.index(), install.reference->epoch.value()));
    }
    check_second_holder(peer, install.reference);
    check_agreement(peer, install.reference);
    note_newest(peer.index(), install.reference->epoch);
}

void Checkers::note_newest(PeerIndex peer, Epoch epoch) {
    Epoch& newest = m_newest[peer];
    newest = std::max(newest, epoch);
    std::erase_if(m_handed_over, [&](const auto& left) {
        return left.first != peer && left.second.epoch <= epoch;
    });
}

// One mean per roster: a later attempt sums up the same contributions in the same order.
void Checkers::on_exchange_done(const Peer& peer, const protocol::ExchangeResult& result) {
    const protocol::RoundId& round = result.key.round;
    const auto from = std::tuple(peer.installed()->id.digest, round.target, round.roster);
    const auto [place, added] = m_means.emplace(from, result.value->id.digest);
    if (!added && place->second != result.value->id.digest) {
        report("one mean per roster", fmt::format("peer {} has another one for epoch {}",
                                                  peer.index(), round.target.value()));
    }
    double weights = 0;
    for (const auto& facts : result.certificate.facts) weights += static_cast<double>(facts.weight);
    if (weights <= 0) weights = static_cast<double>(result.certificate.facts.size());
    m_weights.emplace(result.value->id.digest, weights);
}

// Two hold it: the first to commit was not the only one that had the value on its disk, unless it
// has waited for another one, or none was there.
void Checkers::check_second_holder(const Peer& peer, const protocol::ReferencePointer& reference) {
    if (m_committed.contains(reference->epoch)) return;
    const auto holders = std::exchange(m_holders, {})[reference->id.digest];
    const auto own = holders.find(peer.index());
    const bool has_waited =
        own != holders.end() && peer.now() - own->second >= protocol::limits::kSecondHolderPatience;
    const bool two_hold_it = holders.size() > (own == holders.end() ? 0U : 1U);
    const auto& known = peer.node().membership().view().peers;
    const bool others_are_live =
        std::any_of(known.begin(), known.end(), [&peer](const protocol::PeerInfo& other) {
            return other.live && contains(peer.core().roster(), other.member);
        });
    if (two_hold_it || has_waited || !others_are_live) return;
    report("two hold it", fmt::format("peer {} committed reference {} that no other peer had yet",
                                      peer.index(), reference->epoch.value()));
}

// Agreement.
void Checkers::check_agreement(const Peer& peer, const protocol::ReferencePointer& reference) {
    const auto [place, added] = m_committed.emplace(reference->epoch, Committed{reference, {}});
    Committed& committed = place->second;
    if (added) {
        const Committed& before = std::prev(place)->second;
        const auto weights = m_weights.find(reference->id.digest);
        committed.steps = before.steps;
        for (PeerIndex i = 0; i < m_peers && weights != m_weights.end(); ++i) {
            const double moved = static_cast<double>(reference->values[i]) -
                                 static_cast<double>(before.reference->values[i]);
            committed.steps[i] += moved * weights->second;
        }
        return;
    }
    const protocol::Reference& first = *committed.reference;
    if (first.id != reference->id || first.values != reference->values ||
        first.direction != reference->direction) {
        report("agreement", fmt::format("peer {} committed a second reference for epoch {}",
                                        peer.index(), reference->epoch.value()));
    }
}

// Bounded variance, lockstep: of every complete step after which somebody trains on.
void Checkers::on_step(const Peer& peer, double) {
    if (peer.is_observer()) return report("observer", "an observer trains");
    m_ledgers[peer.index()].on_step();
    if (m_averaging.pace != protocol::Pace::lockstep ||
        !protocol::has_condition(m_averaging.monitor)) {
        return;
    }
    const Epoch epoch = peer.installed()->epoch;
    const auto step = static_cast<std::uint32_t>(peer.steps_since_reference());
    const std::vector<float>& values = toy_values(peer);
    std::vector<double> drift(m_peers);  // The coordinates beyond stay zero.
    for (std::size_t i = 0; i < drift.size(); ++i) {
        drift[i] =
            static_cast<double>(values[i]) - static_cast<double>(peer.installed()->values[i]);
    }
    m_drifts[{epoch, step}].insert_or_assign(peer.index(), std::move(drift));
    if (step > 1 && (step - 1) % m_averaging.check_every == 0) check_variance(peer, step - 1);
    std::erase_if(m_drifts, [&](const auto& entry) {
        return entry.first.first < epoch ||
               (entry.first.first == epoch && entry.first.second + kStepsRemembered < step);
    });
}

/// Over those that this peer steps with: before the first reference that may not be all, where more
/// than start_peers come up at once.
void Checkers::check_variance(const Peer& peer, std::uint32_t step) {
    const Epoch epoch = peer.installed()->epoch;
    const auto found = m_drifts.find({epoch, step});
    const protocol::Roster& members = peer.core().lockstep_members();
    if (found == m_drifts.end() || members.empty() || calm() < kCalm) return;
    std::vector<double> mean(m_peers, 0);
    double squares = 0;
    for (const protocol::Member& member : members) {
        const auto drift = found->second.find(static_cast<PeerIndex>(member.order));
        if (drift == found->second.end()) return;
        for (std::size_t i = 0; i < mean.size(); ++i) {
            mean[i] += drift->second[i] / static_cast<double>(members.size());
            squares += drift->second[i] * drift->second[i];
        }
    }
    double variance = squares / static_cast<double>(members.size());
    for (const double value : mean) variance -= value * value;
    const bool fixed = m_averaging.threshold_rule.kind == protocol::ThresholdKind::fixed &&
                       !peer.installed()->setting();
    const double threshold = fixed ? m_averaging.threshold : peer.installed()->threshold;
    if (variance > threshold * (1 + 1e-5)) {
        report("bounded variance",
               fmt::format("variance {} after step {} of epoch {}, threshold {}, and no round",
                           variance, step, epoch.value(), threshold));
    }
}

// Trust.
void Checkers::report_trust(TrustChecker::Wrong wrong) {
    if (wrong) report("trust", std::move(*wrong));
}

void Checkers::on_said(const Peer& peer, const TrustSaid& said) {
    const std::string key = said.key ? said.key->fingerprint() : "none";
    const auto what = said.what == TrustSaid::What::trust    ? "trust"
                      : said.what == TrustSaid::What::revoke ? "revoke"
                                                             : "token";
    trace(peer, what, key);
    m_trust.on_said(peer, said);
}

void Checkers::on_trust_kept(const Peer& peer) {
    m_trust.on_kept(peer);
}

void Checkers::on_let_in(const Peer& peer, const protocol::PeerId& key, peer::LetIn as) {
    report_trust(m_trust.on_let_in(peer, key, as));
}

void Checkers::on_served(const Peer& peer, const protocol::PeerId& key, peer::Door door) {
    report_trust(m_trust.on_served(peer, key, door));
}

void Checkers::on_introduced(const Peer& peer, const protocol::PeerId& token) {
    ++m_event_counts["(introduced)"];
    report_trust(m_trust.on_introduced(peer, token));
}

void Checkers::drop_what_none_holds(const std::vector<const Peer*>& survivors) {
    Epoch newest;
    std::set<protocol::Digest> prepared;
    for (const Peer* peer : survivors) {
        newest = std::max(newest, peer->core().reference()->epoch);
        const auto& round = peer->core().round();
        if (round && round->prepared()) prepared.insert(round->prepared()->digest);
    }
    std::erase_if(m_committed, [&](const auto& entry) {
        return entry.first > newest && !prepared.contains(entry.second.reference->id.digest);
    });
    std::erase_if(m_prepared, [&](const auto& entry) {
        return entry.first.first > newest && !prepared.contains(entry.second);
    });
}

double Checkers::in_references(PeerIndex peer, Epoch upto) const {
    const auto after = m_committed.upper_bound(upto);
    return std::prev(after)->second.steps[peer];
}

/// Steps of its own in the references up to its own, and in its drift.
double Checkers::held(const Peer& peer) const {
    const PeerIndex own = peer.index();
    const double drift = static_cast<double>(toy_values(peer)[own]) -
                         static_cast<double>(peer.installed()->values[own]);
    return in_references(own, peer.installed()->epoch) + drift;
}

double Checkers::held_by(const Peer& peer, const protocol::LocalRecord& record) const {
    const double entered = in_references(peer.index(), record.reference.epoch);
    // No life goes on from a drift that is not finite.
    if (!all_finite(record.drift)) return entered;
    return entered + static_cast<double>(record.drift[peer.index()]);
}

// Progress.
void Checkers::on_finish(const std::vector<const Peer*>& peers, bool finished) {
    if (!finished) {
        std::string where;
        for (const Peer* peer : peers) {
            where +=
                fmt::format(" {}:{}/{}{}", peer->index(), peer->core().reference()->epoch.value(),
                            peer->steps(), peer->core().round() ? "r" : "");
        }
        report("progress", "not all peers are done with one reference (peer:epoch/steps):" + where);
    }
    for (const Peer* peer : peers) {
        if (finished && peer->core().reference()->id != peers.front()->core().reference()->id) {
            report("progress", fmt::format("peer {} ends with another reference", peer->index()));
        }
    }
}

void Checkers::on_end(const std::vector<const Peer*>& peers) {
    for (const Peer* peer : peers) {
        if (!peer->is_observer()) check_exactly_once(*peer);
    }
    for (const auto& [leaver, left] : std::map(m_handed_over)) check_handed_over(leaver);
}

}  // namespace dynavg::simulation
