#include "tests/discovery/virtual_network.hpp"

#include <algorithm>
#include <utility>

namespace dynavg::discovery::test {

using protocol::Incarnation;
using protocol::RandomPurpose;

std::string address_of(std::size_t node) {
    return "node-" + std::to_string(node) + ":7400";
}

PeerId id_of(std::size_t node) {
    return PeerId::from_name("node-" + std::to_string(node));
}

protocol::Endpoints endpoints_of(const std::string& host) {
    return {host + ":7400", host + ":7401", host + ":7402"};
}

protocol::NetworkFields some_fields() {
    return {{"network", "test"},
            {"model.digest", "9f3a01c2"},
            {"averaging.monitor", "linear"},
            {"averaging.threshold", "5"}};
}

MembershipOptions options_of(std::size_t node, std::vector<std::size_t> seeds) {
    MembershipOptions options;
    options.self = {.order = 0, .id = id_of(node), .incarnation = Incarnation(1)};
    options.name = "node-" + std::to_string(node);
    options.endpoints = endpoints_of(options.name);
    options.fields = some_fields();
    options.random_seed = 1000 + node;
    for (const std::size_t seed : seeds) options.seeds.push_back({address_of(seed), {}});
    return options;
}

protocol::Hello hello_of(const MembershipOptions& options) {
    protocol::Hello hello;
    hello.member = options.self;
    hello.name = options.name;
    hello.endpoints = options.endpoints;
    hello.fields = options.fields;
    hello.role = options.role;
    return hello;
}

VirtualNetwork::VirtualNetwork(NetworkConditions initial)
    : conditions(initial), m_random(initial.seed, RandomPurpose::simulation) {}

std::size_t VirtualNetwork::add(const MembershipOptions& options) {
    Node& node = m_nodes.emplace_back();
    node.options = options;
    start(node);
    carry_out(m_nodes.size() - 1);
    return m_nodes.size() - 1;
}

void VirtualNetwork::start(Node& node) {
    node.membership = std::make_unique<Membership>(node.options, m_now);
    node.subscribed.clear();
    node.scheduled = protocol::kNever;
    node.sequence = std::uint64_t{node.options.self.incarnation.value()} << 40;
    node.up = true;
    ++node.life;
}

void VirtualNetwork::schedule(Instant time, std::size_t node, std::function<void()> deliver) {
    m_queue.push(Pending{time, m_order++, node, m_nodes[node].life, std::move(deliver)});
}

void VirtualNetwork::transmit(std::size_t to, double loss, std::function<void()> deliver) {
    if (m_random.uniform() < loss) return;
    const auto spread = conditions.delay_max - conditions.delay_min;
    const auto extra = m_random.below(static_cast<std::uint64_t>(spread.count()) + 1);
    schedule(m_now + conditions.delay_min + Duration(static_cast<Duration::rep>(extra)), to,
             std::move(deliver));
}

void VirtualNetwork::run_until(Instant end) {
    while (!m_queue.empty() && m_queue.top().time <= end) {
        Pending pending = m_queue.top();
        m_queue.pop();
        Node& node = m_nodes[pending.node];
        if (!node.up || node.life != pending.life) continue;
        if (pending.time < node.frozen_until) {
            pending.time = node.frozen_until;
            m_queue.push(std::move(pending));
            continue;
        }
        m_now = pending.time;
        pending.deliver();
        carry_out(pending.node);
    }
    m_now = end;
}

// In the order that actions.hpp writes.
void VirtualNetwork::carry_out(std::size_t index) {
    Node& node = m_nodes[index];
    if (!node.up) return;
    const Actions actions = node.membership->take_actions();
    for (const PeerId& peer : actions.disconnects) node.subscribed.erase(peer);
    for (const Dial& dial : actions.dials) say_hello(index, dial);
    for (const Reply& reply : actions.replies) {
        const auto to = node_at(reply.connection);
        if (!to) continue;
        transmit(*to, conditions.direct_loss, [this, to, reply, from = node.options.endpoints] {
            m_nodes[*to].membership->on_hello_reply(from.direct, reply.message, m_now);
        });
    }
    for (const Connect& connect : actions.connects) node.subscribed.insert(connect.peer);
    for (const auto& [peer, message] : actions.sends) {
        const auto to = node_of(peer);
        if (!to) continue;
        transmit(*to, conditions.direct_loss,
                 [this, to, sent = message, from = node.options.self.id] {
                     Membership& receiver = *m_nodes[*to].membership;
                     if (const auto* reply = std::get_if<protocol::PeersReply>(&sent)) {
                         receiver.on_peers_reply(from, *reply, m_now);
                     } else {
                         receiver.on_peers_request(from, m_now);
                     }
                 });
    }
    for (const Event& event : actions.events) m_log.push_back({m_now, index, event});
    if (actions.heartbeat_due) publish_heartbeat(index);
    if (actions.next_tick == node.scheduled) return;
    node.scheduled = actions.next_tick;
    if (actions.next_tick == protocol::kNever) return;
    schedule(actions.next_tick, index, [this, index, time = actions.next_tick] {
        Node& ticked = m_nodes[index];
        if (ticked.scheduled != time) return;
        ticked.scheduled = protocol::kNever;
        ticked.membership->on_tick(m_now);
    });
}

void VirtualNetwork::say_hello(std::size_t from, const Dial& dial) {
    ++m_nodes[from].dials;
    const auto to = node_at(dial.address);
    if (!to) return;
    transmit(
        *to, conditions.direct_loss, [this, from, to, hello = m_nodes[from].membership->hello()] {
            m_nodes[*to].membership->on_hello(m_nodes[from].options.endpoints.direct, hello, m_now);
        });
}

void VirtualNetwork::publish_heartbeat(std::size_t from) {
    Node& node = m_nodes[from];
    protocol::Header header;
    header.sequence = protocol::SequenceNumber(++node.sequence);
    protocol::Heartbeat heartbeat;
    heartbeat.incarnation = node.options.self.incarnation;
    heartbeat.address = node.options.endpoints.direct;
    for (std::size_t to = 0; to < m_nodes.size(); ++to) {
        if (!m_nodes[to].subscribed.contains(node.options.self.id)) continue;
        transmit(to, conditions.gossip_loss, [=, this, id = node.options.self.id] {
            m_nodes[to].membership->on_heartbeat(id, header, heartbeat, m_now);
        });
    }
}

void VirtualNetwork::freeze(std::size_t node, Duration duration) {
    m_nodes[node].frozen_until = m_now + duration;
}

void VirtualNetwork::crash(std::size_t node) {
    m_nodes[node].up = false;
}

void VirtualNetwork::restart(std::size_t node, MembershipOptions options) {
    options.self.incarnation = m_nodes[node].options.self.incarnation.next();
    m_nodes[node].options = std::move(options);
    start(m_nodes[node]);
    carry_out(node);
}

void VirtualNetwork::leave(std::size_t node) {
    for (const PeerId& peer : m_nodes[node].subscribed) {
        const auto to = node_of(peer);
        transmit(*to, 0, [this, to, from = m_nodes[node].options.self.id] {
            m_nodes[*to].membership->on_goodbye(from, m_now);
        });
    }
    crash(node);
}

std::size_t VirtualNetwork::count(std::string_view event, std::string_view reason) const {
    return static_cast<std::size_t>(std::count_if(m_log.begin(), m_log.end(), [&](auto& logged) {
        if (logged.event.name != event) return false;
        if (reason.empty()) return true;
        const auto* value = logged.event.find("reason");
        return value != nullptr && std::get<std::string>(*value) == reason;
    }));
}

bool VirtualNetwork::complete() const {
    const auto up = static_cast<std::size_t>(
        std::count_if(m_nodes.begin(), m_nodes.end(), [](const Node& node) { return node.up; }));
    return std::all_of(m_nodes.begin(), m_nodes.end(), [&](const Node& node) {
        return !node.up || node.membership->live_count() == up - 1;
    });
}

std::optional<Instant> VirtualNetwork::run_until_complete(Instant end) {
    while (m_now < end) {
        run_until(m_now + 50ms);
        if (complete()) return m_now;
    }
    return std::nullopt;
}

std::optional<std::size_t> VirtualNetwork::node_at(const std::string& address) const {
    for (std::size_t node = 0; node < m_nodes.size(); ++node) {
        if (m_nodes[node].options.endpoints.direct == address) return node;
    }
    return std::nullopt;
}

std::optional<std::size_t> VirtualNetwork::node_of(PeerId peer) const {
    for (std::size_t node = 0; node < m_nodes.size(); ++node) {
        if (m_nodes[node].options.self.id == peer) return node;
    }
    return std::nullopt;
}

}  // namespace dynavg::discovery::test
