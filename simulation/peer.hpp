#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/node.hpp"
#include "protocol/exchange.hpp"
#include "protocol/learner.hpp"
#include "protocol/traffic.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/network.hpp"
#include "simulation/task_pool.hpp"

namespace dynavg::simulation {

struct PeerOptions {
    PeerIndex index = 0;
    std::string name;
    protocol::AveragingSettings averaging;
    protocol::ReferencePointer initial;
    std::uint32_t start_peers = 1;
    std::uint64_t max_steps = 0;
    std::vector<std::string> seeds;  ///< Addresses, see Peer::address_of().
    protocol::Duration heartbeat_interval = std::chrono::milliseconds(500);
    std::optional<protocol::Duration> suspicion_timeout;  ///< Instead of the learned one.
    protocol::Duration step_time = std::chrono::milliseconds(10);
    protocol::Duration start_delay{};
    std::uint64_t seed = 0;
    /// Where gradients are computed, from the start of a step until its virtual end; outlived by the
    /// peer. Null: at the start of the step.
    TaskPool* tasks = nullptr;
};

class Peer;

/// Who sees what happens: the world with its checkers, or an experiment that writes it down.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void on_event(const Peer&, const protocol::Event&) {}
    virtual void on_published(const Peer&, const protocol::Message&) {}
    virtual void on_install(const Peer&, const protocol::Install&) {}
    virtual void on_exchange_done(const Peer&, const protocol::ExchangeResult&) {}
    virtual void on_step(const Peer&, double loss) { (void)loss; }
    /// After every input to a peer.
    virtual void on_settled(const Peer&) {}
};

/// The shell of one simulated peer: does with Node, ExchangeWorker and Learner what the daemon's
/// three threads do, in virtual time over a simulated network that carries encoded messages.
class Peer {
public:
    /// `directory` finds a peer by index; it outlives all events.
    using Directory = std::function<Peer*(PeerIndex)>;

    Peer(PeerOptions options, std::unique_ptr<protocol::Learner> learner, EventQueue& events,
         Network& network, Directory directory, Observer& observer);

    /// Comes up; before that it hears nothing.
    void start();

    [[nodiscard]] static std::string address_of(PeerIndex index);
    [[nodiscard]] static std::optional<PeerIndex> index_of(const std::string& address);

    [[nodiscard]] PeerIndex index() const { return m_options.index; }
    [[nodiscard]] const PeerOptions& options() const { return m_options; }
    [[nodiscard]] const protocol::Member& member() const { return m_member; }
    [[nodiscard]] bool is_up() const { return m_node.has_value(); }
    [[nodiscard]] const discovery::Node& node() const { return *m_node; }
    [[nodiscard]] const protocol::NodeCore& core() const { return *m_node->core(); }
    [[nodiscard]] const protocol::Learner& learner() const { return *m_learner; }
    [[nodiscard]] const protocol::ExchangeWorker& worker() const { return m_worker; }
    [[nodiscard]] const protocol::ReferencePointer& installed() const { return m_installed; }
    [[nodiscard]] std::uint64_t steps() const { return m_steps; }
    [[nodiscard]] std::uint64_t steps_since_reference() const { return m_steps_since; }
    /// As encoded, by what they were for.
    [[nodiscard]] const protocol::TrafficBytes& bytes_sent() const { return m_sent; }
    [[nodiscard]] bool is_finished() const { return is_up() && core().is_finished(); }

private:
    using Bytes = std::shared_ptr<const protocol::wire::Bytes>;

    void act();
    void carry_out(discovery::NodeActions actions);
    void carry_out_rounds(const protocol::Actions& actions);
    void carry_out_exchange();
    void install(const protocol::Install& install);
    void freeze(protocol::Epoch target);
    void train();
    void start_gradient();
    void await_gradient();
    void finish_step();
    [[nodiscard]] protocol::LocalState finite_state();
    void report_to_core();
    void wake_at(protocol::Instant when);
    void send_direct(PeerIndex to, discovery::Frame frame);
    void send_bulk(const protocol::BulkSend& send);
    void receive_bulk(PeerIndex from, const protocol::Message& message,
                      std::span<const std::byte> payload);

    PeerOptions m_options;
    protocol::Member m_member;
    std::unique_ptr<protocol::Learner> m_learner;
    EventQueue& m_events;
    Network& m_network;
    Directory m_directory;
    Observer& m_observer;
    protocol::RandomStream m_random;

    std::optional<discovery::Node> m_node;
    protocol::ExchangeWorker m_worker;
    std::map<protocol::PeerId, PeerIndex> m_connected;
    protocol::ReferencePointer m_installed;
    protocol::ContributionPointer m_contribution;
    std::uint64_t m_steps = 0;
    std::uint64_t m_steps_since = 0;
    std::uint64_t m_steps_in_drift = 0;  ///< Fewer than m_steps_since after a drop.
    bool m_dropped_since_freeze = false;
    std::uint64_t m_allowed = 0;
    bool m_stepping = false;
    TaskPool::TaskPointer m_gradient;
    double m_loss = 0;
    bool m_acting = false;
    protocol::Instant m_next_wake = protocol::kNever;
    protocol::TrafficBytes m_sent;
};

}  // namespace dynavg::simulation
