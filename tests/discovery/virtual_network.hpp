#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "discovery/membership.hpp"

namespace dynavg::discovery::test {

using namespace std::chrono_literals;
using protocol::Duration;
using protocol::Event;
using protocol::Instant;
using protocol::PeerId;

inline Instant at(Duration since_start) {
    return Instant{} + since_start;
}

std::string address_of(std::size_t node);
PeerId id_of(std::size_t node);
protocol::Endpoints endpoints_of(const std::string& host);
protocol::NetworkFields some_fields();
MembershipOptions options_of(std::size_t node, std::vector<std::size_t> seeds = {});
protocol::Hello hello_of(const MembershipOptions& options);

struct NetworkConditions {
    std::uint64_t seed = 1;
    double gossip_loss = 0;
    double direct_loss = 0;  ///< Of Hello, its reply, and peer exchange: connections that break.
    Duration delay_min = 1ms;
    Duration delay_max = 1ms;
};

/// N Memberships in one process under virtual time, with seeded loss and delay: the shell that the
/// daemon is, without sockets.
class VirtualNetwork {
public:
    struct Logged {
        Instant time;
        std::size_t node;
        Event event;
    };

    explicit VirtualNetwork(NetworkConditions conditions);

    std::size_t add(const MembershipOptions& options);
    void run_until(Instant end);
    /// Hears and does nothing until then; messages that arrive wait in its queues.
    void freeze(std::size_t node, Duration duration);
    void crash(std::size_t node);
    /// With the next incarnation, at the same address.
    void restart(std::size_t node, MembershipOptions options);
    /// Says Goodbye to all, then stops.
    void leave(std::size_t node);

    [[nodiscard]] Instant now() const { return m_now; }
    [[nodiscard]] Membership& membership(std::size_t node) { return *m_nodes[node].membership; }
    [[nodiscard]] const std::vector<Logged>& log() const { return m_log; }
    [[nodiscard]] std::size_t count(std::string_view event, std::string_view reason = {}) const;
    [[nodiscard]] std::uint64_t dials(std::size_t node) const { return m_nodes[node].dials; }
    /// Everybody who is up sees everybody else who is up as live.
    [[nodiscard]] bool complete() const;
    /// First time, in steps of 50 ms, when complete() holds; none before `end`.
    [[nodiscard]] std::optional<Instant> run_until_complete(Instant end);

    NetworkConditions conditions;

private:
    struct Node {
        MembershipOptions options;
        std::unique_ptr<Membership> membership;
        std::set<PeerId> subscribed;
        std::uint64_t sequence = 0;
        std::uint64_t dials = 0;
        Instant scheduled = protocol::kNever;
        Instant frozen_until{};
        bool up = true;
        unsigned life = 0;
    };
    struct Pending {
        Instant time;
        std::uint64_t order;
        std::size_t node;
        unsigned life;
        std::function<void()> deliver;
        bool operator<(const Pending& other) const {
            return time != other.time ? time > other.time : order > other.order;
        }
    };

    void start(Node& node);
    void carry_out(std::size_t node);
    void publish_heartbeat(std::size_t node);
    void say_hello(std::size_t node, const Dial& dial);
    void schedule(Instant time, std::size_t node, std::function<void()> deliver);
    void transmit(std::size_t to, double loss, std::function<void()> deliver);
    [[nodiscard]] std::optional<std::size_t> node_at(const std::string& address) const;
    [[nodiscard]] std::optional<std::size_t> node_of(PeerId peer) const;

    std::vector<Node> m_nodes;
    std::priority_queue<Pending> m_queue;
    std::vector<Logged> m_log;
    protocol::RandomStream m_random;
    Instant m_now{};
    std::uint64_t m_order = 0;
};

}  // namespace dynavg::discovery::test
