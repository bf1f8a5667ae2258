#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ids.hpp"
#include "simulation/peer.hpp"

namespace dynavg::simulation {

/// An invariant of docs/protocol.md section 7 that does not hold.
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

    void on_event(const Peer& peer, const protocol::Event& event) override;
    void on_published(const Peer& peer, const protocol::Message& message) override;
    void on_install(const Peer& peer, const protocol::Install& install) override;
    void on_exchange_done(const Peer& peer, const protocol::ExchangeResult& result) override;
    void on_step(const Peer& peer, double loss) override;
    void on_settled(const Peer& peer) override;

    /// Every event as a line, for replays.
    void trace_to(std::function<void(const std::string&)> trace) { m_trace = std::move(trace); }

    /// At the end: all peers hold one reference, and every step is in it or in a kept drift.
    void on_end(const std::vector<const Peer*>& peers, bool finished);

    [[nodiscard]] const std::vector<Violation>& violations() const { return m_violations; }
    [[nodiscard]] std::size_t epochs() const { return m_committed.size() - 1; }
    [[nodiscard]] const std::map<std::string, std::uint64_t>& event_counts() const {
        return m_event_counts;
    }

private:
    void report(std::string invariant, std::string detail);
    void check_agreement(const Peer& peer, const protocol::Reference& reference);
    void check_exactly_once(const Peer& peer);
    void check_variance(const Peer& peer, std::uint32_t step);
    void check_bounded(const Peer& peer);
    [[nodiscard]] double steps_in_references(std::size_t coordinate, protocol::Epoch upto) const;

    const EventQueue& m_events;
    std::size_t m_peers;
    protocol::AveragingSettings m_averaging;
    std::vector<Violation> m_violations;
    std::map<protocol::Epoch, protocol::ReferencePointer> m_committed;
    /// Of each value that was averaged: the sum of its weights.
    std::map<protocol::Digest, double> m_weights;
    /// (target, ballot) -> value, over all peers.
    std::map<std::pair<protocol::Epoch, protocol::Ballot>, protocol::Digest> m_prepared;
    /// Lockstep: drifts of complete steps, (epoch, step) -> peer -> drift.
    std::map<std::pair<protocol::Epoch, std::uint32_t>, std::map<PeerIndex, std::vector<double>>>
        m_drifts;
    std::map<std::string, std::uint64_t> m_event_counts;
    std::function<void(const std::string&)> m_trace;
};

}  // namespace dynavg::simulation
