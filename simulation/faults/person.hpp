#pragma once

#include <map>
#include <set>
#include <span>
#include <utility>

#include "protocol/base/random.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// The person who looks after a network with keys, as docs/operations.md says: goes round and says
/// at one peer after the other whose key is revoked or trusted, again where a peer has not kept it,
/// and hands out tokens.
class Person {
public:
    /// All outlive the last event.
    Person(EventQueue& events, std::span<const std::unique_ptr<Peer>> peers,
           protocol::RandomStream random);
    Person(const Person&) = delete;
    Person& operator=(const Person&) = delete;
    ~Person() = default;

    /// At all others, at each at another time. Every second one then gets a new token: it was made
    /// void there.
    void revoke(PeerIndex whom);
    void trust(PeerIndex whom);
    /// From now on all of these trust each other.
    void introduce(const std::set<PeerIndex>& all);
    [[nodiscard]] bool has_revoked(PeerIndex whom) const { return m_revoked.contains(whom); }

    /// As soon as somebody has shown it there, and soon in any case.
    void close_token(PeerIndex at);
    /// One that no peer has had.
    void replace_token(PeerIndex at);

private:
    struct Wish {
        TrustSaid::What what = TrustSaid::What::trust;
        protocol::Instant from;
    };

    void wish(PeerIndex whom, TrustSaid::What what);
    void go_round();
    void say_at(Peer& peer, PeerIndex whom, const Wish& wish);

    EventQueue& m_events;
    std::span<const std::unique_ptr<Peer>> m_peers;
    protocol::RandomStream m_random;
    std::map<std::pair<PeerIndex, PeerIndex>, Wish> m_wishes;  ///< (at, whom).
    std::set<PeerIndex> m_revoked;
    std::uint64_t m_tokens = 0;
    bool m_goes_round = false;
};

}  // namespace dynavg::simulation
