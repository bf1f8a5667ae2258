#include <memory>
#include <utility>

#include "protocol/base/check.hpp"
#include "simulation/peer/peer.hpp"

// The doors of a simulated peer in a network with keys: the connections that pass them,
// introductions by the token, and a person's orders there.

namespace dynavg::simulation {

using protocol::PeerId;
using Bytes = protocol::wire::Bytes;

void Peer::open_doors() {
    PeerTrustHandlers handlers;
    handlers.now = [this] { return now(); };
    handlers.on_event = [this](const protocol::Event& event) { m_observer.on_event(*this, event); };
    handlers.on_kept = [this] { m_observer.on_trust_kept(*this); };
    handlers.on_let_in = [this](const PeerId& key, peer::LetIn as) {
        m_observer.on_let_in(*this, key, as);
    };
    m_life->trust.emplace(*m_options.keys, m_member.id, m_disk, std::move(handlers));
}

discovery::ProvenPeer Peer::proven(const PeerId& key) const {
    return m_life->trust ? discovery::ProvenPeer(key) : std::nullopt;
}

/// Something comes over a connection of this far end, or goes to a subscriber there.
bool Peer::passes(const FarEnd& from, const PeerId& key, peer::Door door) {
    if (!m_life->trust) return true;
    const bool passes = m_life->trust->lets_in(from, key, door);
    wake_at(m_life->trust->desk().next_tick());
    if (passes && door != peer::Door::direct) m_observer.on_served(*this, key, door);
    return passes;
}

// --- introductions ----------------------------------------------------------------------------

/// Shows the token first, and says Hello once it was let in.
void Peer::introduce(const discovery::Dial& dial, const peer::Frame& hello) {
    if (!m_life->trust) return;
    const auto& token = m_life->trust->shown_token();
    if (!token || !m_life->trust->desk().should_introduce(dial, m_life->node->membership())) return;
    const auto index = index_of(dial.address);
    Peer* to = index ? m_directory(*index) : nullptr;
    if (to == nullptr || to == this || to->m_member.id != dial.peer) return;
    const auto bytes = std::make_shared<const Bytes>(hello.bytes);
    const FarEnd own(this->index(), m_lives);
    post(*to, Channel::direct, 0, [this, to, own, token = *token, bytes] {
        const bool passes = to->m_life->trust->lets_in_by_token(own, token);
        to->wake_at(to->m_life->trust->desk().next_tick());
        if (!passes) return;
        if (to->m_life->token_shown) std::exchange(to->m_life->token_shown, nullptr)();
        to->post(*this, Channel::direct, 0, [this, to, bytes] { send_introduction(*to, bytes); });
    });
}

void Peer::send_introduction(Peer& to, const std::shared_ptr<const Bytes>& hello) {
    m_sent.add(protocol::Traffic::overhead, hello->size());
    const FarEnd own(index(), m_lives);
    post(to, Channel::direct, hello->size(),
         [&to, own, hello] { to.receive_introduction(own, *hello); });
}

void Peer::receive_introduction(const FarEnd& from, peer::Node::Bytes bytes) {
    const auto token = m_life->trust->token_of(from);
    const auto hello = m_life->node->on_introduction(bytes);
    if (!token || !hello) return;
    auto actions = m_life->trust->desk().on_introduction(*token, *hello, now());
    if (!actions) return;
    const bool answer = actions->answer;
    if (answer) m_observer.on_introduced(*this, *token);
    m_life->trust->carry_out(std::move(*actions));
    if (answer) {
        Peer* to = m_directory(from.first);
        peer::Frame reply = m_life->node->introduction_reply();
        m_sent.add(reply.traffic, reply.bytes.size());
        const auto shared = std::make_shared<const Bytes>(std::move(reply.bytes));
        post(*to, Channel::direct, shared->size(),
             [to, host = m_member.id, shared] { to->receive_introduction_reply(host, *shared); });
    }
    act();
}

void Peer::receive_introduction_reply(const PeerId& host, peer::Node::Bytes bytes) {
    const auto reply = m_life->node->on_introduction_reply(host, bytes);
    if (!reply) return;
    m_life->trust->carry_out(
        m_life->trust->desk().on_introduction_reply(host, *reply, m_life->node->membership()));
    act();
}

// --- what a person says -----------------------------------------------------------------------

void Peer::say(const TrustSaid& said) {
    if (!m_up || !m_life->trust) return;
    later({}, [this, said] {
        PeerTrust& trust = *m_life->trust;
        if (said.what == TrustSaid::What::token) {
            if (trust.change_token(said.key)) m_observer.on_said(*this, said);
        } else {
            auto outcome = said.what == TrustSaid::What::trust ? trust.desk().trust(*said.key)
                                                               : trust.desk().revoke(*said.key);
            if (!outcome) return;
            m_observer.on_said(*this, said);
            trust.carry_out(std::move(*outcome));
        }
        act();
    });
}

void Peer::when_token_is_shown(std::function<void()> call) {
    if (m_up) m_life->token_shown = std::move(call);
}

}  // namespace dynavg::simulation
