#include <algorithm>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "simulation/checkers.hpp"
#include "simulation/peer/toy_learner.hpp"

// The checks after every input to a peer.

namespace dynavg::simulation {

using protocol::Epoch;
using protocol::Instant;

namespace {

/// No round may take longer without faults.
constexpr protocol::Duration kRoundTimeMax = std::chrono::seconds(120);
/// After a fault: peers must first notice that it is over, and give up attempts that it has spoilt.
constexpr protocol::Duration kRoundTimeMaxAfterFault = std::chrono::minutes(10);
/// The longest that a peer may need to catch up with others, in free pace.
constexpr protocol::Duration kCatchUpMax = std::chrono::seconds(30);

}  // namespace

void Checkers::on_settled(const Peer& peer) {
    check_bounded(peer);
    report_trust(m_trust.check(peer));
    if (peer.is_observer()) return check_observer(peer);
    check_observers_are_apart(peer);
    check_exactly_once(peer);
    check_round_ends(peer);
    check_free_estimate(peer);
}

// Observers have no say, and nobody waits for them.
void Checkers::check_observer(const Peer& peer) {
    const bool says_nothing = !peer.core().round() && !peer.core().last_estimate() &&
                              peer.core().may_leave() && peer.steps() == 0;
    if (!says_nothing) {
        report("observer", fmt::format("observer {} takes part in its network", peer.index()));
    }
}

void Checkers::check_observers_are_apart(const Peer& peer) {
    const auto observes = [this](const protocol::Member& member) {
        return static_cast<PeerIndex>(member.order) >= m_peers;
    };
    const auto holds_one = [&](const protocol::Roster& roster) {
        return std::any_of(roster.begin(), roster.end(), observes);
    };
    const auto& round = peer.core().round();
    if (holds_one(peer.core().roster()) || holds_one(peer.core().lockstep_members()) ||
        (round && holds_one(round->sets().candidates))) {
        report("observer", fmt::format("peer {} counts an observer as a member", peer.index()));
    }
}

// Bounded variance, free pace. A peer that is behind must catch up before it may call.
void Checkers::check_free_estimate(const Peer& peer) {
    const protocol::NodeCore& core = peer.core();
    const bool free =
        m_averaging.pace == protocol::Pace::free &&
        protocol::traits_of(m_averaging.monitor).trigger != protocol::Trigger::interval;
    const bool above = free && !core.round() && core.last_estimate() && core.may_call() &&
                       !core.awaits_first_heartbeat(m_events.now()) && !core.is_pulling() &&
                       !core.last_estimate()->brief &&
                       core.last_estimate()->bound > core.reference()->threshold;
    if (!above || (m_faults != nullptr && calm() == protocol::Duration::zero())) {
        m_above_since.erase(peer.index());
        return;
    }
    const Instant since = m_above_since.emplace(peer.index(), m_events.now()).first->second;
    if (m_faults != nullptr && m_events.now() - since < kCatchUpMax) return;
    report("bounded variance", fmt::format("peer {} holds states with H = {} and calls no round",
                                           peer.index(), core.last_estimate()->bound));
}

// Bounded.
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

// Progress.
void Checkers::check_round_ends(const Peer& peer) {
    const auto& round = peer.core().round();
    if (!round || m_given_up.contains(peer.index())) {
        m_rounds.erase(peer.index());
        return;
    }
    OpenRound& open = m_rounds[peer.index()];
    if (open.target != round->target()) open = {round->target(), m_events.now()};
    const protocol::Duration most = m_faults == nullptr ? kRoundTimeMax : kRoundTimeMaxAfterFault;
    const protocol::Duration time = std::min(m_events.now() - open.since, calm());
    if (time > most) {
        report("progress",
               fmt::format("peer {} is in the round for epoch {} for {} s", peer.index(),
                           round->target().value(), time / std::chrono::seconds(1)));
    }
}

// Exactly once.
void Checkers::check_exactly_once(const Peer& peer) {
    const Epoch installed = peer.installed()->epoch;
    const double all = held(peer);
    // A drift that is not finite counts when it has been dropped.
    if (!std::isfinite(all)) return;
    const double entered = in_references(peer.index(), installed);
    if (const auto wrong = m_ledgers[peer.index()].check(installed, all, entered)) {
        report("exactly once",
               fmt::format("peer {} at epoch {} {}", peer.index(), installed.value(), *wrong));
    }
}

}  // namespace dynavg::simulation
