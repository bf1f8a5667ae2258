#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "protocol/reference/reference.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/peer.hpp"
#include "simulation/peer/toy_learner.hpp"

namespace dynavg::simulation {

struct SmallWorldOptions {
    std::size_t peers = 3;
    protocol::AveragingSettings averaging{};
    std::uint64_t max_steps = 30;
    std::vector<protocol::Duration> step_times{};  ///< Of the first peers; else 10 ms.
    LinkOptions links{};
    bool durable = false;
    std::uint64_t samples = 1;  ///< Of each peer.
};

/// A toy with data of a size.
class SizedLearner final : public ToyLearner {
public:
    SizedLearner(std::size_t coordinate, const SmallWorldOptions& options,
                 protocol::ReferencePointer initial)
        : ToyLearner(coordinate, options.averaging.monitor, std::move(initial)),
          m_samples(options.samples) {}
    [[nodiscard]] std::uint64_t samples() const override { return m_samples; }

private:
    std::uint64_t m_samples;
};

[[nodiscard]] inline protocol::AveragingSettings toy_settings(protocol::Pace pace,
                                                              double threshold) {
    protocol::AveragingSettings averaging;
    averaging.pace = pace;
    averaging.monitor = protocol::MonitorKind::norm;
    averaging.threshold = threshold;
    return averaging;
}

/// Peers with the toy model that a test can look at while they run, and whose observer is the
/// test's own: run_world() shows neither.
class SmallWorld {
public:
    explicit SmallWorld(SmallWorldOptions options)
        : m_options(std::move(options)),
          initial(protocol::make_initial_reference({m_options.peers, 0, false},
                                                   std::vector<float>(m_options.peers, 0.0F),
                                                   m_options.averaging.threshold, 1)),
          network(events, m_options.links, 1) {}

    void start(Observer& observer) {
        for (PeerIndex index = 0; index < m_options.peers; ++index) {
            PeerOptions peer;
            peer.index = index;
            peer.name = "peer-" + std::to_string(index);
            peer.averaging = m_options.averaging;
            peer.initial = initial;
            peer.start_peers = static_cast<std::uint32_t>(m_options.peers);
            peer.max_steps = m_options.max_steps;
            peer.durable = m_options.durable;
            if (index > 0) peer.seeds = {Peer::address_of(0)};
            if (index < m_options.step_times.size()) peer.step_time = m_options.step_times[index];
            peers.push_back(std::make_unique<Peer>(
                std::move(peer),
                [this, index] { return std::make_unique<SizedLearner>(index, m_options, initial); },
                events, network,
                [this](PeerIndex i) { return i < peers.size() ? peers[i].get() : nullptr; },
                observer));
            events.after({}, [p = peers.back().get()] { p->start(); });
        }
    }

    /// False if it did not come to that within ten minutes of virtual time.
    template <class Predicate>
    [[nodiscard]] bool run_until(Predicate predicate) {
        const protocol::Instant end = events.now() + std::chrono::minutes(10);
        while (!predicate()) {
            if (events.empty() || events.now() > end) return false;
            events.run_next();
        }
        return true;
    }
    [[nodiscard]] bool run_to_the_end() {
        return run_until([this] {
            return std::all_of(peers.begin(), peers.end(),
                               [](const auto& peer) { return peer->is_finished(); });
        });
    }
    [[nodiscard]] std::vector<const Peer*> all() const {
        std::vector<const Peer*> all;
        for (const auto& peer : peers) all.push_back(peer.get());
        return all;
    }

private:
    SmallWorldOptions m_options;

public:
    EventQueue events;
    protocol::ReferencePointer initial;
    Network network;
    std::vector<std::unique_ptr<Peer>> peers;
};

}  // namespace dynavg::simulation
