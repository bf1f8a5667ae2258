#pragma once

#include <functional>
#include <map>
#include <vector>

#include "simulation/event_queue.hpp"
#include "simulation/experiment/results.hpp"
#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// Sums over all peers.
[[nodiscard]] protocol::TrafficBytes bytes_sent_by(Peers peers);

/// ||w_k - mean||^2, averaged over the local models, as they stand, of the peers that are up, in
/// double. One pass over all models.
[[nodiscard]] double exact_variance(Peers all);

/// Parameters (then buffers) of the mean of these models, summed in the order of the peers.
[[nodiscard]] std::vector<float> mean_model(Peers all);

/// Follows the rounds of an experiment, from the first call to the last install.
class RoundLog {
public:
    RoundLog(const EventQueue& events, std::size_t peers, std::function<void(const RoundRow&)> out);

    /// A peer has called a round.
    void on_crossing(const Peer& caller, const protocol::Event& crossing, Peers all);
    void on_install(const Peer& peer, const protocol::Install& install, Peers all);
    /// It will install nothing any more.
    void give_up(const Peer& peer, Peers all);
    /// Rounds whose references all peers have installed.
    [[nodiscard]] std::uint64_t rounds() const { return m_finished.value(); }

private:
    struct Call {
        RoundRow row;
        protocol::Instant at;
    };
    [[nodiscard]] Call unheard(const Peer& peer, protocol::Epoch target) const;
    void finish_rounds(Peers all);
    void finish(protocol::Epoch epoch, Peers all);

    const EventQueue& m_events;
    std::function<void(const RoundRow&)> m_out;
    std::map<protocol::Epoch, Call> m_calls;  ///< Open, by the epoch that they are to make.
    std::map<PeerIndex, protocol::Epoch> m_installed;
    protocol::Epoch m_finished;
    std::uint64_t m_bytes = 0;
};

}  // namespace dynavg::simulation
