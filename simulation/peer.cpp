#include "simulation/peer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "protocol/check.hpp"
#include "protocol/settings.hpp"

namespace dynavg::simulation {

using protocol::Instant;

namespace {

constexpr std::string_view kHost = "peer:";
constexpr protocol::NetworkId kNetwork{0x51u};

discovery::MembershipOptions membership_options(const PeerOptions& options,
                                                const protocol::Member& member) {
    discovery::MembershipOptions membership;
    membership.self = member;
    membership.name = options.name;
    const std::string address = Peer::address_of(options.index);
    membership.endpoints = {address, address, address};
    membership.fields = fields_of(options.averaging);
    membership.fields["network"] = "simulated";
    for (const std::string& seed : options.seeds) membership.seeds.push_back({seed, {}});
    membership.heartbeat_interval = options.heartbeat_interval;
    membership.suspicion_timeout = options.suspicion_timeout;
    membership.random_seed = options.seed + options.index;
    return membership;
}

}  // namespace

std::string Peer::address_of(PeerIndex index) {
    return fmt::format("{}{}", kHost, index + 1);
}

std::optional<PeerIndex> Peer::index_of(const std::string& address) {
    if (!address.starts_with(kHost)) return std::nullopt;
    PeerIndex index = 0;
    const char* end = address.data() + address.size();
    const auto result = std::from_chars(address.data() + kHost.size(), end, index);
    if (result.ec != std::errc() || result.ptr != end || index == 0) return std::nullopt;
    return index - 1;
}

Peer::Peer(PeerOptions options, std::unique_ptr<protocol::Learner> learner, EventQueue& events,
           Network& network, Directory directory, Observer& observer)
    : m_options(std::move(options)),
      m_learner(std::move(learner)),
      m_events(events),
      m_network(network),
      m_directory(std::move(directory)),
      m_observer(observer),
      m_random(m_options.seed, protocol::RandomPurpose::simulation, 2, m_options.index),
      m_worker(m_learner->shape()),
      m_installed(m_options.initial) {
    m_member.order = static_cast<std::int32_t>(m_options.index);
    m_member.id = protocol::PeerId::from_name(m_options.name);
    m_member.incarnation = protocol::Incarnation(1);
}

void Peer::start() {
    m_node.emplace(kNetwork, membership_options(m_options, m_member), m_events.now());
    protocol::NodeCoreOptions core;
    core.self = m_member;
    core.averaging = m_options.averaging;
    core.initial = m_options.initial;
    core.start_peers = m_options.start_peers;
    m_node->start_core(std::move(core), m_events.now());
    m_worker.set_reference(m_options.initial);
    act();
}

// --- the shell --------------------------------------------------------------------------------

/// Carries out what the rules ask for, until they ask for nothing more.
void Peer::act() {
    if (m_acting) return;
    m_acting = true;
    carry_out(m_node->take_actions(m_events.now()));
    m_acting = false;
    m_observer.on_settled(*this);
}

void Peer::carry_out(discovery::NodeActions actions) {
    for (const protocol::PeerId& peer : actions.disconnects) m_connected.erase(peer);
    for (const discovery::Connect& connect : actions.connects) {
        if (const auto index = index_of(connect.endpoints.gossip)) {
            m_connected.insert_or_assign(connect.peer, *index);
        }
    }
    carry_out_rounds(actions.rounds);
    for (auto& [dial, hello] : actions.dials) {
        if (const auto index = index_of(dial.address)) send_direct(*index, std::move(hello));
    }
    for (auto& [connection, frame] : actions.replies) {
        const auto index = index_of(connection);
        DYNAVG_CHECK(index);
        m_sent.add(frame.traffic, frame.bytes.size());
        const auto bytes = std::make_shared<const protocol::wire::Bytes>(std::move(frame.bytes));
        m_network.send(this->index(), *index, Network::Channel::direct,
                       [to = m_directory(*index), from = address_of(this->index()), bytes] {
                           if (!to->is_up()) return;
                           (void)to->m_node->on_reply(from, *bytes, to->m_events.now());
                           to->act();
                       });
    }
    for (const discovery::Frame& frame : actions.publish) {
        const auto bytes = std::make_shared<const protocol::wire::Bytes>(frame.bytes);
        for (PeerIndex other = 0; Peer* to = m_directory(other); ++other) {
            if (!to->is_up() || !to->m_connected.contains(m_member.id)) continue;
            m_sent.add(frame.traffic, bytes->size());
            m_network.gossip(index(), other, [to, from = m_member.id, bytes] {
                (void)to->m_node->on_gossip(from, *bytes, to->m_events.now());
                to->act();
            });
        }
    }
    for (auto& [peer, frame] : actions.sends) {
        const auto found = m_connected.find(peer);
        if (found != m_connected.end()) send_direct(found->second, std::move(frame));
    }
    for (const protocol::Message& message : actions.rounds.publish) {
        m_observer.on_published(*this, message);
    }
    for (const protocol::Event& event : actions.events) m_observer.on_event(*this, event);
    wake_at(actions.next_tick);
}

void Peer::carry_out_rounds(const protocol::Actions& actions) {
    if (actions.install) install(*actions.install);
    if (actions.freeze) freeze(*actions.freeze);
    if (actions.abort_exchange) m_worker.abort();
    if (actions.prepared) m_worker.set_prepared(*actions.prepared);
    if (actions.start_exchange) m_worker.start(*actions.start_exchange, m_events.now());
    if (actions.abort_pull) m_worker.abort_pull();
    if (actions.pull) m_worker.pull(actions.pull->wanted, actions.pull->source, m_events.now());
    m_allowed = actions.allowed_steps;
    train();
    carry_out_exchange();
}

void Peer::install(const protocol::Install& install) {
    await_gradient();
    m_observer.on_install(*this, install);
    const bool spent = install.spent == protocol::Spent::frozen;
    DYNAVG_CHECK(!spent || m_contribution != nullptr);
    // After a drop the model holds nothing of what was frozen: only the reference is its base.
    const bool in_model = spent && !m_dropped_since_freeze;
    m_learner->install(install.reference, in_model ? m_contribution->values : m_installed->values);
    if (spent) m_steps_since -= m_contribution->facts.steps;
    m_steps_in_drift = std::min(m_steps_in_drift, m_steps_since);
    m_dropped_since_freeze = false;
    m_installed = install.reference;
    m_worker.set_reference(install.reference);
    m_events.after({}, [this] { report_to_core(); });
}

void Peer::freeze(protocol::Epoch target) {
    const float squared_norm = finite_state().squared_norm;
    auto contribution = std::make_shared<protocol::Contribution>();
    contribution->target = target;
    contribution->facts.steps = m_steps_since;
    contribution->facts.weight = m_steps_in_drift > 0 ? 1.0F : 0.0F;
    contribution->facts.squared_norm = squared_norm;
    contribution->values.resize(m_learner->shape().values());
    m_learner->copy_contribution(contribution->values);
    m_dropped_since_freeze = false;
    m_contribution = contribution;
    m_worker.set_contribution(contribution);
}

// --- the trainer ------------------------------------------------------------------------------

void Peer::train() {
    if (m_stepping || m_steps >= std::min(m_allowed, m_options.max_steps)) return;
    m_stepping = true;
    start_gradient();
    const auto spread = static_cast<std::uint64_t>(m_options.step_time.count()) / 4;
    const protocol::Duration jitter(
        static_cast<protocol::Duration::rep>(m_random.below(spread + 1)));
    m_events.after(m_options.step_time + jitter, [this] { finish_step(); });
}

void Peer::start_gradient() {
    auto work = [this] { m_loss = m_learner->compute_gradient(); };
    if (m_options.tasks == nullptr) return work();
    m_gradient = m_options.tasks->start(std::move(work));
}

void Peer::await_gradient() {
    if (const auto gradient = std::exchange(m_gradient, nullptr)) m_options.tasks->finish(gradient);
}

/// Peers refuse a state that is not finite: such a drift is dropped, as the daemon's trainer does.
protocol::LocalState Peer::finite_state() {
    protocol::LocalState state = m_learner->local_state();
    if (std::isfinite(state.squared_norm)) return state;
    await_gradient();
    m_learner->reset_to_reference();
    m_dropped_since_freeze = true;
    m_observer.on_event(
        *this, protocol::Event("diverged", protocol::Level::warning,
                               "the local model became infinite or not a number: its drift is "
                               "dropped and training goes on from the reference")
                   .with("steps", std::exchange(m_steps_in_drift, 0)));
    return m_learner->local_state();
}

void Peer::finish_step() {
    m_stepping = false;
    await_gradient();
    m_learner->apply_update();
    ++m_steps;
    ++m_steps_since;
    ++m_steps_in_drift;
    m_observer.on_step(*this, m_loss);
    report_to_core();
    train();
}

/// After a step, and after an install that left some drift.
void Peer::report_to_core() {
    protocol::StepReport report;
    report.reference = m_installed->id;
    report.steps = m_steps;
    report.steps_since_reference = m_steps_since;
    report.step_time = m_options.step_time;
    report.done = m_steps >= m_options.max_steps;
    const bool check = m_steps_since % m_options.averaging.check_every == 0 || report.done;
    if (m_steps_since > 0 && check) report.state = finite_state();
    m_node->core()->on_step(report, m_events.now());
    act();
}

// --- the exchange -----------------------------------------------------------------------------

void Peer::carry_out_exchange() {
    protocol::ExchangeActions actions = m_worker.take_actions();
    for (const protocol::BulkSend& send : actions.sends) send_bulk(send);
    wake_at(actions.next_tick);
    protocol::NodeCore& core = *m_node->core();
    const Instant now = m_events.now();
    const bool something = actions.progressed || actions.done || actions.pulled ||
                           actions.pull_failed || !actions.unusable.empty();
    if (!something) return;
    if (actions.progressed) core.on_exchange_progress(now);
    for (const auto& [member, reason] : actions.unusable) {
        core.on_unusable_contribution(member, reason, now);
    }
    if (actions.done) {
        m_observer.on_exchange_done(*this, *actions.done);
        core.on_exchange_done(*actions.done, now);
    }
    if (actions.pulled) core.on_pulled(actions.pulled, now);
    if (actions.pull_failed) core.on_pull_failed(*actions.pull_failed, now);
    // The results come from another thread in the daemon: an input of its own.
    m_events.after({}, [this] { act(); });
}

void Peer::send_bulk(const protocol::BulkSend& send) {
    const auto found = m_connected.find(send.to);
    if (found == m_connected.end()) return;
    protocol::Header header;
    header.network = kNetwork;
    header.sender_tag = m_member.id.tag();
    header.epoch = m_installed->epoch;
    header.reference_tag = m_installed->id.digest.high;
    const auto bytes =
        std::make_shared<const protocol::wire::Bytes>(protocol::wire::encode(header, send.message));
    m_sent.add(protocol::Traffic::averaging, bytes->size() + send.payload.size());
    m_network.send(index(), found->second, Network::Channel::bulk,
                   [to = m_directory(found->second), from = index(), bytes, payload = send.payload,
                    keep = send.keep] {
                       const auto envelope = protocol::wire::decode(*bytes);
                       DYNAVG_CHECK(envelope);
                       to->receive_bulk(from, envelope->message, payload);
                   });
}

void Peer::receive_bulk(PeerIndex from, const protocol::Message& message,
                        std::span<const std::byte> payload) {
    if (!is_up()) return;
    const protocol::PeerId& sender = m_directory(from)->m_member.id;
    if (const auto* request = std::get_if<protocol::ChunkRequest>(&message)) {
        m_worker.on_chunk_request(sender, *request, m_events.now());
    } else if (const auto* chunk = std::get_if<protocol::Chunk>(&message)) {
        m_worker.on_chunk(sender, *chunk, payload, m_events.now());
    }
    carry_out_exchange();
}

// --- helpers ----------------------------------------------------------------------------------

void Peer::send_direct(PeerIndex to, discovery::Frame frame) {
    Peer* receiver = m_directory(to);
    if (receiver == nullptr || receiver == this) return;
    m_sent.add(frame.traffic, frame.bytes.size());
    const auto bytes = std::make_shared<const protocol::wire::Bytes>(std::move(frame.bytes));
    m_network.send(index(), to, Network::Channel::direct,
                   [receiver, from = address_of(index()), bytes] {
                       if (!receiver->is_up()) return;
                       (void)receiver->m_node->on_direct(from, *bytes, receiver->m_events.now());
                       receiver->act();
                   });
}

/// One timer serves the node and the worker; an earlier one replaces it.
void Peer::wake_at(Instant when) {
    if (when == protocol::kNever || when >= m_next_wake) return;
    m_next_wake = when;
    m_events.at(when, [this, when] {
        if (m_next_wake != when) return;
        m_next_wake = protocol::kNever;
        m_worker.on_tick(m_events.now());
        carry_out_exchange();
        m_node->on_tick(m_events.now());
        act();
    });
}

}  // namespace dynavg::simulation
