#include "simulation/faults/person.hpp"

#include <fmt/format.h>

namespace dynavg::simulation {

using What = TrustSaid::What;
using namespace std::chrono_literals;

namespace {

constexpr protocol::Duration kRound = 1s;
/// From the first peer to the last one.
constexpr std::uint64_t kWayMaxMs = 20'000;
constexpr protocol::Duration kTokenClosedAfter = 5s;

}  // namespace

Person::Person(EventQueue& events, std::span<const std::unique_ptr<Peer>> peers,
               protocol::RandomStream random)
    : m_events(events), m_peers(peers), m_random(random) {}

void Person::revoke(PeerIndex whom) {
    m_revoked.insert(whom);
    wish(whom, What::revoke);
}

void Person::trust(PeerIndex whom) {
    m_revoked.erase(whom);
    wish(whom, What::trust);
}

void Person::wish(PeerIndex whom, What what) {
    for (const auto& peer : m_peers) {
        if (peer->index() == whom) continue;
        const auto after = static_cast<protocol::Duration::rep>(m_random.below(kWayMaxMs)) * 1ms;
        m_wishes.insert_or_assign({peer->index(), whom}, Wish{what, m_events.now() + after});
    }
    if (!std::exchange(m_goes_round, true)) go_round();
}

void Person::introduce(const std::set<PeerIndex>& all) {
    for (auto& [who, wish] : m_wishes) wish.from = m_events.now();
    for (const PeerIndex at : all) {
        for (const PeerIndex whom : all) {
            if (at == whom) continue;
            m_wishes.insert_or_assign({at, whom}, Wish{What::trust, m_events.now()});
        }
    }
    if (!std::exchange(m_goes_round, true)) go_round();
}

void Person::go_round() {
    for (const auto& [who, wish] : m_wishes) {
        Peer& peer = *m_peers[who.first];
        if (peer.is_up() && wish.from <= m_events.now()) say_at(peer, who.second, wish);
    }
    m_events.after(kRound, [this] { go_round(); });
}

void Person::say_at(Peer& peer, PeerIndex whom, const Wish& wish) {
    const protocol::PeerId& key = m_peers[whom]->member().id;
    const identity::TrustList& list = peer.desk()->list();
    const bool is_so = wish.what == What::revoke ? list.is_revoked(key) : list.is_trusted(key);
    if (is_so) return;
    peer.say({wish.what, key});
    const bool gets_token = wish.what == What::revoke && m_random.below(2) == 0;
    if (gets_token) m_events.after(kRound, [this, at = peer.index()] { replace_token(at); });
}

void Person::close_token(PeerIndex at) {
    Peer& peer = *m_peers[at];
    const auto close = [&peer] { peer.say({What::token, std::nullopt}); };
    peer.when_token_is_shown(close);
    m_events.after(kTokenClosedAfter, close);
}

void Person::replace_token(PeerIndex at) {
    const std::string name = fmt::format("token-{}", ++m_tokens);
    m_peers[at]->say({What::token, protocol::PeerId::from_name(name)});
}

}  // namespace dynavg::simulation
