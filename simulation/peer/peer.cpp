#include "simulation/peer/peer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

using protocol::Instant;
using protocol::wire::Bytes;

namespace {

constexpr std::string_view kHost = "peer:";

std::shared_ptr<const Bytes> share(Bytes bytes) {
    return std::make_shared<const Bytes>(std::move(bytes));
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

// --- the shell --------------------------------------------------------------------------------

void Peer::act() {
    if (m_life->acting) return;
    m_life->acting = true;
    carry_out_all();
    m_life->acting = false;
    if (m_up && m_life->node->is_handed_over(now())) depart();
    if (m_up) m_observer.on_settled(*this);
}

void Peer::carry_out_all() {
    carry_out(*m_life->node, *this, now());
    if (m_up && m_life->trust) wake_at(m_life->trust->desk().next_tick());
    if (std::exchange(m_life->said_prepared, false)) reach(FaultMoment::prepared);
}

// --- what the rules ask for: peer/carry_out.hpp has the order ---------------------------------

/// Every simulated peer has its settings from the start.
void Peer::settings_learned(const protocol::NetworkFields& /*fields*/) {
    DYNAVG_CHECK(false);
}

void Peer::disconnect(const protocol::PeerId& peer) {
    m_life->connected.erase(peer);
}

void Peer::connect(const discovery::Connect& one) {
    if (const auto index = index_of(one.endpoints.gossip)) {
        m_life->connected.insert_or_assign(one.peer, *index);
    }
}

void Peer::install(const protocol::Install& install) {
    m_observer.on_install(*this, install);
    m_life->trainer.install(install);
    m_life->worker.set_reference(install.reference);
    later({}, [this] { report_to_core(); });
    reach(FaultMoment::installed);
}

void Peer::freeze(protocol::Epoch target) {
    const auto contribution = m_life->trainer.freeze(target);
    m_life->worker.set_contribution(contribution);
    if (contribution) m_observer.on_frozen(*this, *contribution);
    reach(FaultMoment::frozen);
}

void Peer::set_prepared(const protocol::ReferencePointer& value) {
    m_life->worker.set_prepared(value);
}

void Peer::start_exchange(const protocol::ExchangeOrder& order) {
    m_life->worker.start(order, now());
}

void Peer::pull(const protocol::PullOrder& order) {
    m_life->worker.pull(order.wanted, order.source, now());
}

/// The exchange has been told what to do by then.
void Peer::allow_steps(std::uint64_t total) {
    m_life->allowed = total;
    train();
    carry_out_exchange();
}

void Peer::write(peer::Write write) {
    if (m_up && m_life->storage) m_life->storage->write(std::move(write));
}

void Peer::dial(const discovery::Dial& dial, peer::Frame hello) {
    introduce(dial, hello);
    if (const auto index = index_of(dial.address)) {
        send_direct(*index, dial.peer, std::move(hello));
    }
}

void Peer::send(const protocol::PeerId& peer, peer::Frame frame) {
    const auto found = m_life->connected.find(peer);
    if (found != m_life->connected.end()) send_direct(found->second, peer, std::move(frame));
}

void Peer::published(const std::vector<protocol::Message>& messages) {
    if (!m_up) return;
    for (const protocol::Message& message : messages) {
        m_observer.on_published(*this, message);
        const auto* state = std::get_if<protocol::RoundState>(&message);
        if (state != nullptr && state->prepared) m_life->said_prepared = true;
    }
}

void Peer::report(protocol::Event event) {
    if (m_up) m_observer.on_event(*this, event);
}

void Peer::take_word(const discovery::Told& told) {
    if (m_up && m_life->trust) m_life->trust->take_word(told);
}

/// The answer is an input of its own.
void Peer::balance(const protocol::BalancingOrder& order) {
    DYNAVG_CHECK(m_options.balance != nullptr);
    const protocol::BalancingOutcome outcome = m_options.balance(order);
    later({}, [this, order, outcome] {
        m_life->node->on_balanced(order, outcome, now());
        act();
    });
}

// --- training ---------------------------------------------------------------------------------

void Peer::train() {
    PeerTrainer& trainer = m_life->trainer;
    const bool waits = trainer.steps() >= std::min(m_life->allowed, m_options.max_steps);
    if (trainer.is_stepping() || waits) return;
    trainer.begin_step();
    const auto spread = static_cast<std::uint64_t>(m_options.step_time.count()) / 4;
    const protocol::Duration jitter(
        static_cast<protocol::Duration::rep>(m_random.below(spread + 1)));
    const auto time =
        std::chrono::duration_cast<protocol::Duration>(m_slowness * m_options.step_time);
    later(time + jitter, [this] { finish_step(); });
}

void Peer::finish_step() {
    m_life->trainer.finish_step();
    m_observer.on_step(*this, m_life->trainer.loss());
    report_to_core();
    train();
}

void Peer::report_to_core() {
    protocol::StepReport report = m_life->trainer.report();
    report.step_time =
        std::chrono::duration_cast<protocol::Duration>(m_slowness * m_options.step_time);
    m_life->node->on_step(report, now());
    act();
}

// --- the exchange -----------------------------------------------------------------------------

void Peer::carry_out_exchange() {
    protocol::ExchangeActions actions = m_life->worker.take_actions();
    for (const protocol::BulkSend& send : actions.sends) {
        send_bulk(m_lying ? falsified(send) : m_damaging ? damaged(send) : send);
    }
    if (!m_up) return;
    wake_at(actions.next_tick);
    peer::Node& node = *m_life->node;
    const bool something = actions.progressed || actions.done || actions.pulled ||
                           actions.pull_failed || !actions.unusable.empty() ||
                           !actions.stalled.empty();
    if (!something) return;
    if (actions.progressed) node.on_exchange_progress(now());
    for (const protocol::Member& member : actions.stalled) node.on_stalled(member, now());
    for (const auto& [member, reason] : actions.unusable) {
        node.on_unusable_contribution(member, reason, now());
    }
    if (actions.done) {
        m_observer.on_exchange_done(*this, *actions.done);
        node.on_exchange_done(*actions.done, now());
    }
    if (actions.pulled) node.on_pulled(actions.pulled, now());
    if (actions.pull_failed) node.on_pull_failed(*actions.pull_failed, now());
    // The results come from another thread in the daemon: an input of its own.
    later({}, [this] { act(); });
}

void Peer::send_bulk(const protocol::BulkSend& send) {
    const auto found = m_life->connected.find(send.to);
    if (found == m_life->connected.end()) return;
    protocol::Header header;
    header.network = kSimulatedNetwork;
    header.sender_tag = m_member.id.tag();
    header.epoch = installed()->epoch;
    header.reference_tag = installed()->id.digest.high;
    Peer& to = *m_directory(found->second);
    const auto bytes = share(protocol::wire::encode(header, send.message));
    const std::size_t size = bytes->size() + send.payload.size();
    m_sent.add(protocol::Traffic::averaging, size);
    post(to, Channel::bulk, size,
         [&to, from = FarEnd(index(), m_lives), bytes, payload = send.payload, keep = send.keep] {
             const auto envelope = protocol::wire::decode(*bytes);
             DYNAVG_CHECK(envelope);
             to.receive_bulk(from, envelope->message, payload);
         });
}

void Peer::receive_bulk(const FarEnd& from, const protocol::Message& message,
                        std::span<const std::byte> payload) {
    const protocol::PeerId& sender = m_directory(from.first)->m_member.id;
    if (m_life->trust && !m_life->connected.contains(sender)) return;
    if (!passes(from, sender, peer::Door::bulk)) return;
    if (const auto* request = std::get_if<protocol::ChunkRequest>(&message)) {
        m_life->worker.on_chunk_request(sender, *request, now());
    } else if (const auto* chunk = std::get_if<protocol::Chunk>(&message)) {
        m_life->worker.on_chunk(sender, *chunk, payload, now());
    }
    carry_out_exchange();
}

// --- messages ---------------------------------------------------------------------------------

/// To all that have subscribed.
void Peer::publish(peer::Frame frame) {
    const auto bytes = share(std::move(frame.bytes));
    for (PeerIndex other = 0; Peer* to = m_directory(other); ++other) {
        if (!to->is_up() || !to->m_life->connected.contains(m_member.id)) continue;
        if (!passes({other, to->m_lives}, to->m_member.id, peer::Door::gossip)) continue;
        m_sent.add(frame.traffic, bytes->size());
        post(*to, Channel::gossip, bytes->size(), [to, from = m_member.id, bytes] {
            (void)to->m_life->node->on_gossip(from, *bytes, to->now());
            to->act();
        });
    }
}

void Peer::reply(const discovery::ConnectionId& connection, peer::Frame frame) {
    const auto other = index_of(connection);
    DYNAVG_CHECK(other);
    Peer* to = m_directory(*other);
    m_sent.add(frame.traffic, frame.bytes.size());
    const auto bytes = share(std::move(frame.bytes));
    const auto from = address_of(index());
    post(*to, Channel::direct, bytes->size(), [to, from, key = m_member.id, bytes] {
        (void)to->m_life->node->on_reply(from, to->proven(key), *bytes, to->now());
        to->act();
    });
}

void Peer::send_direct(PeerIndex other, const discovery::ProvenPeer& key, peer::Frame frame) {
    Peer* to = m_directory(other);
    if (to == nullptr || to == this) return;
    if (m_life->trust && key != to->m_member.id) return;
    m_sent.add(frame.traffic, frame.bytes.size());
    const auto bytes = share(std::move(frame.bytes));
    const FarEnd from(index(), m_lives);
    post(*to, Channel::direct, bytes->size(),
         [to, from, own = m_member.id, bytes] { to->receive_direct(from, own, *bytes); });
}

void Peer::receive_direct(const FarEnd& from, const protocol::PeerId& key,
                          peer::Node::Bytes bytes) {
    if (!passes(from, key, peer::Door::direct)) return;
    (void)m_life->node->on_direct(address_of(from.first), proven(key), bytes, now());
    act();
}

/// From this life to the one that is up at the other end now: a connection ends with either.
void Peer::post(Peer& to, Channel channel, std::size_t bytes, std::function<void()> handle) {
    if (!may_send() || !to.is_up()) return;
    m_network.send(
        index(), to.index(), channel, bytes,
        [this, &to, mine = m_lives, theirs = to.m_lives, handle = std::move(handle)]() mutable {
            if (m_lives_silenced < mine) to.take_in(theirs, std::move(handle));
        });
}

// --- time -------------------------------------------------------------------------------------

void Peer::take_in(std::uint32_t life, Input input) {
    if (!m_up || life != m_lives) return;
    if (is_frozen() || !m_life->waiting.empty()) {
        m_life->waiting.push_back(std::move(input));
    } else {
        input();
    }
}

void Peer::later(protocol::Duration delay, Input input) {
    m_events.after(delay, [this, life = m_lives, input = std::move(input)]() mutable {
        take_in(life, std::move(input));
    });
}

/// One timer serves the node and the worker; an earlier one replaces it.
void Peer::wake_at(Instant when) {
    if (!m_up || when == protocol::kNever || when >= m_life->next_wake) return;
    m_life->next_wake = when;
    later(when - now(), [this, when] {
        if (m_life->next_wake == when) wake();
    });
}

void Peer::wake() {
    m_life->next_wake = protocol::kNever;
    m_life->worker.on_tick(now());
    carry_out_exchange();
    if (!m_up) return;
    if (m_life->trust) m_life->trust->on_tick();
    m_life->node->on_tick(now());
    act();
}

}  // namespace dynavg::simulation
