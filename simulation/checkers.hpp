#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/base/ids.hpp"
#include "simulation/faults/fault_injector.hpp"
#include "simulation/peer/peer.hpp"
#include "simulation/peer/step_ledger.hpp"
#include "simulation/trust_checker.hpp"

namespace dynavg::simulation {

/// An invariant of docs/protocol.md, "What always holds", that does not hold.
struct Violation {
    std::string invariant;
    std::string detail;
    protocol::Instant when;
};

/// Watches a network of peers with the toy model and checks, after every event, what must always
/// hold. Sees all peers at once, as nobody in a real network can.
class Checkers final : public Observer {
public:
    Checkers(const EventQueue& events, std::size_t peers, protocol::AveragingSettings averaging,
             protocol::ReferencePointer initial);

    /// Promises that do not hold under faults are then checked only when the faults are over. Null:
    /// there are none.
    void consider(const FaultInjector* faults) { m_faults = faults; }
    /// Faults have cut it off for ever: nothing is expected of it any more.
    void give_up(PeerIndex peer) { m_given_up.insert(peer); }
    /// All others are dead for good. A value that none of these peers holds or has prepared is lost
    /// with the dead, and need not agree with the value that comes instead.
    void drop_what_none_holds(const std::vector<const Peer*>& survivors);

    void on_started(const Peer& peer) override;
    void on_crashed(const Peer& peer) override;
    void on_leaving(const Peer& peer) override;
    void on_event(const Peer& peer, const protocol::Event& event) override;
    void on_published(const Peer& peer, const protocol::Message& message) override;
    void on_install(const Peer& peer, const protocol::Install& install) override;
    void on_frozen(const Peer& peer, const protocol::Contribution& contribution) override;
    void on_exchange_done(const Peer& peer, const protocol::ExchangeResult& result) override;
    void on_writing(const Peer& peer, const peer::Write& write) override;
    void on_written(const Peer& peer, const peer::Write& write) override;
    void on_step(const Peer& peer, double loss) override;
    void on_said(const Peer& peer, const TrustSaid& said) override;
    void on_trust_kept(const Peer& peer) override;
    void on_let_in(const Peer& peer, const protocol::PeerId& key, peer::LetIn as) override;
    void on_served(const Peer& peer, const protocol::PeerId& key, peer::Door door) override;
    void on_introduced(const Peer& peer, const protocol::PeerId& token) override;
    void on_settled(const Peer& peer) override;

    /// Every event as a line, for replays.
    void trace_to(std::function<void(const std::string&)> trace) { m_trace = std::move(trace); }

    /// At the end: every step is in a reference or in a kept drift.
    void on_end(const std::vector<const Peer*>& peers);
    /// And all peers are done with one reference.
    void on_finish(const std::vector<const Peer*>& peers, bool finished);

    [[nodiscard]] const std::vector<Violation>& violations() const { return m_violations; }
    [[nodiscard]] std::size_t epochs() const { return m_committed.size() - 1; }
    [[nodiscard]] const std::map<std::string, std::uint64_t>& event_counts() const {
        return m_event_counts;
    }

private:
    struct Committed {
        protocol::ReferencePointer reference;
        std::vector<double> steps;  ///< Of each peer, in all references up to this one.
    };
    struct OpenRound {
        protocol::Epoch target;
        protocol::Instant since;
    };

    void report(std::string invariant, std::string detail);
    void report_trust(TrustChecker::Wrong wrong);
    void trace(const Peer& peer, std::string_view what, std::string_view detail);
    void check_observer(const Peer& peer);
    void check_observers_are_apart(const Peer& peer);
    void check_second_holder(const Peer& peer, const protocol::ReferencePointer& reference);
    void check_agreement(const Peer& peer, const protocol::ReferencePointer& reference);
    void check_exactly_once(const Peer& peer);
    void check_variance(const Peer& peer, std::uint32_t step);
    void check_free_estimate(const Peer& peer);
    void check_bounded(const Peer& peer);
    void check_round_ends(const Peer& peer);
    [[nodiscard]] double in_references(PeerIndex peer, protocol::Epoch upto) const;
    [[nodiscard]] double held(const Peer& peer) const;
    [[nodiscard]] double held_by(const Peer& peer, const protocol::LocalRecord& record) const;
    void check_restart(const Peer& peer);
    void check_handed_over(PeerIndex leaver);
    void note_newest(PeerIndex peer, protocol::Epoch epoch);
    /// For how long no fault has held.
    [[nodiscard]] protocol::Duration calm() const;

    const EventQueue& m_events;
    std::size_t m_peers;
    protocol::AveragingSettings m_averaging;
    std::vector<Violation> m_violations;
    const FaultInjector* m_faults = nullptr;
    TrustChecker m_trust;
    std::map<protocol::Epoch, Committed> m_committed;
    std::vector<StepLedger> m_ledgers;
    std::map<PeerIndex, double> m_recorded;  ///< Steps held by the last record that is on disk.
    std::map<PeerIndex, protocol::ReferenceId> m_on_disk;
    std::map<PeerIndex, OpenRound> m_rounds;
    std::map<PeerIndex, protocol::Instant> m_above_since;  ///< Free pace, and no round.
    std::set<PeerIndex> m_given_up;
    std::map<PeerIndex, protocol::Epoch> m_newest;  ///< That any life of it has installed.
    struct HandedOver {
        protocol::Epoch epoch;
        protocol::Instant when;
    };
    /// Of those that have left cleanly: the last reference, until another peer has it too.
    std::map<PeerIndex, HandedOver> m_handed_over;
    /// Of each value that was averaged: the sum of its weights.
    std::map<protocol::Digest, double> m_weights;
    /// (what it was averaged from, target, roster) -> value, over all peers and attempts.
    std::map<std::tuple<protocol::Digest, protocol::Epoch, protocol::Digest>, protocol::Digest>
        m_means;
    /// (target, ballot) -> value, over all peers.
    std::map<std::pair<protocol::Epoch, protocol::Ballot>, protocol::Digest> m_prepared;
    /// Of each value that is not in force yet: the peers that have said that they are prepared for
    /// it, and when, by their own clocks.
    std::map<protocol::Digest, std::map<PeerIndex, protocol::Instant>> m_holders;
    /// Lockstep: drifts of complete steps, (epoch, step) -> peer -> drift.
    std::map<std::pair<protocol::Epoch, std::uint32_t>, std::map<PeerIndex, std::vector<double>>>
        m_drifts;
    std::map<std::string, std::uint64_t> m_event_counts;
    std::function<void(const std::string&)> m_trace;
};

}  // namespace dynavg::simulation
