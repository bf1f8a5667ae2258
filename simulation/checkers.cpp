#include "simulation/checkers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "protocol/limits.hpp"
#include "simulation/toy_learner.hpp"

namespace dynavg::simulation {

using protocol::Epoch;

namespace {

/// Counts are whole; means of floats are not exact.
constexpr double kCountTolerance = 0.25;
constexpr std::size_t kViolationsMax = 20;
/// No round without faults of peers may take longer.
constexpr protocol::Duration kRoundTimeMax = std::chrono::seconds(120);
/// Steps of an epoch whose drifts are remembered.
constexpr std::uint32_t kStepsRemembered = 4;

const std::vector<float>& toy_values(const Peer& peer) {
    return dynamic_cast<const ToyLearner&>(peer.learner()).values();
}

}  // namespace

Checkers::Checkers(const EventQueue& events, std::size_t peers,
                   protocol::AveragingSettings averaging, protocol::ReferencePointer initial)
    : m_events(events), m_peers(peers), m_averaging(averaging) {
    m_committed.emplace(Epoch(0), std::move(initial));
}

void Checkers::report(std::string invariant, std::string detail) {
    if (m_violations.size() >= kViolationsMax) return;
    m_violations.push_back({std::move(invariant), std::move(detail), m_events.now()});
}

// 3. Justified.
void Checkers::on_event(const Peer& peer, const protocol::Event& event) {
    ++m_event_counts[std::string(event.name)];
    if (m_trace) {
        m_trace(fmt::format("{:9.3f} peer {} epoch {} steps {}+{}: {}: {}",
                            static_cast<double>(m_events.now().time_since_epoch().count()) / 1e6,
                            peer.index(), peer.installed()->epoch.value(),
                            peer.steps() - peer.steps_since_reference(),
                            peer.steps_since_reference(), event.name, event.message));
    }
    if (event.level == protocol::Level::error) report("no error event", event.message);
    if (event.name != "round_committed" && event.name != "crossing") return;
    const auto* reason = std::get_if<std::string>(event.find("reason"));
    const auto* estimate = std::get_if<double>(event.find("estimate"));
    const auto* threshold = std::get_if<double>(event.find("threshold"));
    const bool told = reason != nullptr && estimate != nullptr && threshold != nullptr;
    if (!told || (*reason == "crossing" && !(*estimate > *threshold))) {
        report("justified", fmt::format("peer {} started a round without a crossing: {}",
                                        peer.index(), event.message));
    }
}

// 7. One value per ballot.
void Checkers::on_published(const Peer& peer, const protocol::Message& message) {
    const auto* state = std::get_if<protocol::RoundState>(&message);
    if (state == nullptr || !state->prepared) return;
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
    check_agreement(peer, *install.reference);
}

void Checkers::on_exchange_done(const Peer&, const protocol::ExchangeResult& result) {
    double weights = 0;
    for (const auto& facts : result.certificate.facts) weights += static_cast<double>(facts.weight);
    if (weights <= 0) weights = static_cast<double>(result.certificate.facts.size());
    m_weights.emplace(result.value->id.digest, weights);
}

// 1. Agreement.
void Checkers::check_agreement(const Peer& peer, const protocol::Reference& reference) {
    const auto copy = std::make_shared<const protocol::Reference>(reference);
    const auto [place, added] = m_committed.emplace(reference.epoch, copy);
    if (added) return;
    const protocol::Reference& first = *place->second;
    if (first.id != reference.id || first.values != reference.values ||
        first.direction != reference.direction) {
        report("agreement", fmt::format("peer {} committed a second reference for epoch {}",
                                        peer.index(), reference.epoch.value()));
    }
}

// 4. Bounded variance, lockstep: of every complete step after which somebody trains on.
void Checkers::on_step(const Peer& peer, double) {
    if (m_averaging.pace != protocol::Pace::lockstep ||
        m_averaging.monitor == protocol::MonitorKind::every_step) {
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
    if (found == m_drifts.end() || members.empty()) return;
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
    if (variance > m_averaging.threshold * (1 + 1e-5)) {
        report("bounded variance",
               fmt::format("variance {} after step {} of epoch {}, threshold {}, and no round",
                           variance, step, epoch.value(), m_averaging.threshold));
    }
}

void Checkers::on_settled(const Peer& peer) {
    check_bounded(peer);
    check_exactly_once(peer);
    const protocol::NodeCore& core = peer.core();
    if (core.round() && m_events.now() - core.round_since() > kRoundTimeMax) {
        report("progress", fmt::format("peer {} is in the round for epoch {} for {} s",
                                       peer.index(), core.round()->target().value(),
                                       (m_events.now() - core.round_since()).count() / 1000000));
    }
    const bool free = m_averaging.pace == protocol::Pace::free;
    if (free && !core.round() && core.last_estimate() && core.may_call() &&
        core.last_estimate()->bound > core.reference()->threshold) {
        report("bounded variance",
               fmt::format("peer {} holds states with H = {} and calls no round", peer.index(),
                           core.last_estimate()->bound));
    }
}

// 6. Bounded.
void Checkers::check_bounded(const Peer& peer) {
    const std::size_t model = peer.learner().shape().encoded_bytes();
    const std::size_t chunks = (m_peers + 1) * protocol::limits::kChunksInFlightMax *
                               std::min(protocol::limits::kChunkBytes, model);
    const std::size_t buffered = peer.worker().counters().buffered_bytes_max;
    if (buffered > chunks) {
        report("bounded",
               fmt::format("peer {} buffered {} bytes in the exchange", peer.index(), buffered));
    }
    if (peer.node().membership().remembered() > 8 * protocol::limits::kPeersMax) {
        report("bounded", fmt::format("peer {} remembers {} things about others", peer.index(),
                                      peer.node().membership().remembered()));
    }
}

// 2. Exactly once.
void Checkers::check_exactly_once(const Peer& peer) {
    const std::vector<float>& values = toy_values(peer);
    const std::size_t own = peer.index();
    const double drift =
        static_cast<double>(values[own]) - static_cast<double>(peer.installed()->values[own]);
    const double counted = steps_in_references(own, peer.installed()->epoch) + drift;
    if (std::abs(counted - static_cast<double>(peer.steps())) > kCountTolerance) {
        report("exactly once",
               fmt::format("peer {} made {} steps, references and drift at epoch {} hold {}", own,
                           peer.steps(), peer.installed()->epoch.value(), counted));
    }
}

double Checkers::steps_in_references(std::size_t coordinate, Epoch upto) const {
    double total = 0;
    double before = 0;
    for (const auto& [epoch, reference] : m_committed) {
        if (epoch > upto) break;
        const auto value = static_cast<double>(reference->values[coordinate]);
        const auto weights = m_weights.find(reference->id.digest);
        if (weights != m_weights.end()) total += (value - before) * weights->second;
        before = value;
    }
    return total;
}

// 5. Progress.
void Checkers::on_end(const std::vector<const Peer*>& peers, bool finished) {
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
        check_exactly_once(*peer);
    }
}

}  // namespace dynavg::simulation
