#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/monitor/monitor_kind.hpp"

namespace dynavg::protocol {

/// H over a set of peers, and the states behind it.
struct Estimate {
    double bound = 0;  ///< H >= variance.
    std::uint32_t states = 0;
    Duration oldest{};   ///< Age of the oldest state used.
    bool brief = false;  ///< cascade: a sketch is missing, so `bound` is the linear one.
};

/// The latest local states of all peers under one reference. Keeps two per peer: in lockstep a peer
/// may be one step ahead of the peer that evaluates. Bounded by the caller: only joined peers'
/// states come in.
class VarianceMonitor {
public:
    VarianceMonitor(MonitorKind kind, SketchShape shape, std::size_t parameters);

    /// For a new reference: all drifts are unknown again.
    void reset() { m_states.clear(); }
    /// How much a peer counts; 1 unless told.
    void weigh(const PeerId& peer, double weight) { m_weights.insert_or_assign(peer, weight); }
    /// False if the state is not valid for this monitor (not finite, wrong size); then nothing
    /// changes. A state older than what is held is ignored; one with its sketch replaces the brief
    /// one of its step.
    [[nodiscard]] bool put(const PeerId& peer, std::uint32_t step, LocalState state, Instant now);
    /// Forgets the states and weights of all others.
    template <class Keeps>
    void keep_only(Keeps keeps) {
        std::erase_if(m_states, [&keeps](const auto& entry) { return !keeps(entry.first); });
        std::erase_if(m_weights, [&keeps](const auto& entry) { return !keeps(entry.first); });
    }

    [[nodiscard]] const LocalState* state_at(const PeerId& peer, std::uint32_t step) const;
    [[nodiscard]] std::optional<std::uint32_t> latest_step(const PeerId& peer) const;
    /// The sketch of this peer's state of that step, or else of its latest, has not come.
    [[nodiscard]] bool lacks_sketch(const PeerId& peer, std::uint32_t step) const;

    /// H of the latest states; a peer without one counts with zero drift. `peers` is sorted by
    /// Member and not empty: all peers sum in the same order.
    [[nodiscard]] Estimate estimate_latest(const Roster& peers, Instant now) const;
    /// H of the states of one step. Those that have no state of that step (a peer that is done)
    /// count with their latest.
    [[nodiscard]] Estimate estimate_at(std::uint32_t step, const Roster& peers, Instant now) const;
    /// The peers with a squared norm above this, in the states that estimate_at() takes.
    [[nodiscard]] std::set<PeerId> peers_above(double squared_norm, std::uint32_t step,
                                               const Roster& peers) const;

private:
    struct Entry {
        std::uint32_t step = 0;
        LocalState state;
        Instant arrival;
    };
    struct Recent {
        Entry latest;
        std::optional<Entry> before;
    };
    [[nodiscard]] static const Entry& entry_at(const Recent& recent,
                                               std::optional<std::uint32_t> step);
    [[nodiscard]] Estimate estimate(const Roster& peers, std::optional<std::uint32_t> step,
                                    Instant now) const;

    MonitorKind m_kind;
    SketchShape m_shape;
    std::size_t m_values;
    std::map<PeerId, Recent> m_states;
    std::map<PeerId, double> m_weights;
};

}  // namespace dynavg::protocol
