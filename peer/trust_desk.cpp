#include "peer/trust_desk.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "discovery/handshake.hpp"

namespace dynavg::peer {

using identity::TrustList;
using protocol::Event;
using protocol::Instant;
using protocol::Level;
using protocol::PeerId;

namespace {

/// Somebody with a token knocks with its own key, too, before it is known by it.
constexpr std::chrono::seconds kKnockToldAfter{3};
/// Beyond them a knock is not told.
constexpr std::size_t kKnocksMax = 64;
/// After the disk has refused the list.
constexpr std::chrono::seconds kKeptAgainAfter{1};
/// Of gossip, for a peer that misuses it.
constexpr std::chrono::minutes kShutOutFor{10};

Event refusal(std::string message, const std::string& peer, const std::string& address,
              const std::string& reason) {
    Event event("peer_refused", Level::warning, std::move(message));
    event.with("peer", peer);
    if (!address.empty()) event.with("address", address);
    return event.with("reason", reason);
}

}  // namespace

TrustDesk::TrustDesk(TrustDeskOptions options)
    : m_self(options.self),
      m_list(std::move(options.list)),
      m_token(options.token && m_list.is_revoked(*options.token) ? std::nullopt : options.token),
      m_shows_token(options.token.has_value()),
      m_admitted(m_list.trusted()) {}

// --- who is let in ----------------------------------------------------------------------------

LetIn TrustDesk::on_knock(const Knock& knock, Instant now) {
    if (knock.door == Door::gossip && is_shut_out(knock.key, now)) return LetIn::nobody;
    if (knock.key == m_self || m_list.is_trusted(knock.key)) return LetIn::peer;
    if (knock.door == Door::direct && knock.key == m_token) return LetIn::token_holder;
    if (m_knocks.size() < kKnocksMax && m_knocks.emplace(knock.key, knock).second &&
        m_knocks.size() == 1) {
        m_tell_knocks_at = now + kKnockToldAfter;
    }
    return LetIn::nobody;
}

TrustActions TrustDesk::on_tick(Instant now) {
    TrustActions actions;
    actions.keep = now >= m_keep_again_at;
    if (now < m_tell_knocks_at) return actions;
    m_tell_knocks_at = protocol::kNever;
    for (const auto& [key, knock] : std::exchange(m_knocks, {})) tell_of(knock, now, actions);
    return actions;
}

void TrustDesk::on_kept(Kept kept, Instant now) {
    m_keep_again_at = kept == Kept::yes ? protocol::kNever : now + kKeptAgainAfter;
}

void TrustDesk::tell_of(const Knock& knock, Instant now, TrustActions& actions) {
    if (m_list.is_trusted(knock.key)) return;
    const bool revoked = m_list.is_revoked(knock.key);
    const std::string reason = revoked ? "its key was revoked" : "its key is not trusted";
    const std::string who = knock.key.fingerprint();
    if (!m_refusals.worth_a_line(who, {reason}, now)) return;
    // A token's key is revoked with the token; nobody should be told to trust it.
    const std::string advice =
        revoked ? std::string()
                : fmt::format(
                      " If it is a node of this network: `dynavg trust {}`, or let it "
                      "join by the token.",
                      knock.key.hex());
    actions.events.push_back(refusal(
        fmt::format("A connection from {} is refused: {}.{}", knock.address, reason, advice), who,
        knock.address, reason));
}

bool TrustDesk::is_shut_out(const PeerId& peer, Instant now) const {
    const auto found = m_shut_out.find(peer);
    return found != m_shut_out.end() && now < found->second;
}

TrustActions TrustDesk::on_odd_subscription(const PeerId& from, Instant now) {
    TrustActions actions;
    m_shut_out[from] = now + kShutOutFor;
    const std::string reason = "it subscribed to a topic, as no dynavgd does";
    if (!m_refusals.worth_a_line(from.fingerprint(), {reason}, now)) return actions;
    actions.events.push_back(
        refusal(fmt::format("{} hears nothing for {} min: {}. If it is not to be trusted: `dynavg "
                            "revoke {}`.",
                            from.fingerprint(), kShutOutFor.count(), reason, from.hex()),
                from.fingerprint(), {}, reason));
    return actions;
}

// --- whose word makes a key trusted -----------------------------------------------------------

std::optional<TrustActions> TrustDesk::on_introduction(const PeerId& shown_token,
                                                       const protocol::Hello& hello, Instant now) {
    // The connection was let in once; its token may be void since.
    if (shown_token != m_token) return std::nullopt;
    TrustActions actions;
    const PeerId id = hello.member.id;
    const std::string who = discovery::display_name(hello.name, id);
    using Joined = TrustList::Joined;
    const Joined joined = m_list.is_trusted(id) ? Joined::known : m_list.join(id, hello.name);
    if (joined == Joined::revoked || joined == Joined::full) {
        const std::string reason = joined == Joined::full ? "as many keys as there may be are known"
                                                          : "its key was revoked";
        if (m_refusals.worth_a_line(id.fingerprint(), {reason}, now)) {
            actions.events.push_back(
                refusal(fmt::format("{} has the network's token but is refused: {}.", who, reason),
                        who, hello.endpoints.direct, reason));
        }
        return actions;
    }
    if (joined == Joined::added) {
        actions.events.push_back(
            Event("peer_trusted", Level::info,
                  fmt::format("{} has shown the network's token; its key is trusted from now on.",
                              who))
                .with("peer", who)
                .with("address", hello.endpoints.direct)
                .with("reason", std::string("token")));
        actions.keep = true;
        apply(actions);
    }
    actions.answer = true;
    return actions;
}

TrustActions TrustDesk::on_introduction_reply(const PeerId& host, const protocol::HelloReply& reply,
                                              const discovery::Membership& membership) {
    m_introduced.insert(host);
    TrustActions actions;
    // A dial that was refused a moment ago need not wait for the transport's next try; a peer that
    // knew us anyway has answered meanwhile.
    actions.hang_up = membership.joined(host) == nullptr;
    add_told({host, reply.peers}, actions);
    return actions;
}

TrustActions TrustDesk::on_told(const discovery::Told& told) {
    TrustActions actions;
    add_told(told, actions);
    return actions;
}

void TrustDesk::add_told(const discovery::Told& told, TrustActions& actions) {
    if (!m_token) return;
    bool added = false;
    const std::string teller = told.teller.fingerprint();
    for (const protocol::KnownPeer& peer : told.peers) {
        if (peer.id == m_self || m_list.is_trusted(peer.id)) continue;
        if (m_list.join_told(peer.id, teller) != TrustList::Joined::added) continue;
        added = true;
        actions.events.push_back(
            Event("peer_trusted", Level::info,
                  fmt::format("{} tells of {}, whose key is trusted from now on.", teller,
                              peer.id.fingerprint()))
                .with("peer", peer.id.fingerprint())
                .with("address", peer.address)
                .with("reason", "told by " + teller));
    }
    if (added) {
        actions.keep = true;
        apply(actions);
    }
    actions.told = told;
}

bool TrustDesk::should_introduce(const discovery::Dial& dial,
                                 const discovery::Membership& membership) const {
    return m_shows_token && dial.peer && dial.peer != m_self &&
           !m_introduced.contains(*dial.peer) && membership.joined(*dial.peer) == nullptr;
}

// --- what a person says -----------------------------------------------------------------------

TrustDesk::Outcome TrustDesk::trust(const PeerId& key) {
    if (key == m_token) return Unexpected<Refused>(Refused::is_token);
    if (m_list.trust(key, "by hand") == TrustList::Said::full) {
        return Unexpected<Refused>(Refused::list_full);
    }
    TrustActions actions;
    // Also of a key that was said before: then it may not have been kept.
    actions.keep = true;
    apply(actions);
    return actions;
}

TrustDesk::Outcome TrustDesk::revoke(const PeerId& key) {
    const auto said = m_list.revoke(key);
    if (said == TrustList::Said::full) return Unexpected<Refused>(Refused::list_full);
    TrustActions actions;
    // A peer that has been in may know the token and come back with another key.
    void_token();
    actions.remove_token = true;
    actions.keep = true;
    apply(actions);
    if (said == TrustList::Said::done) {
        actions.events.push_back(
            Event("peer_revoked", Level::warning,
                  fmt::format("{}: the key is revoked and this node's token is void.",
                              key.fingerprint()))
                .with("peer", key.fingerprint()));
    }
    return actions;
}

/// A peer that goes on to show the old token is told apart from a stranger.
void TrustDesk::void_token() {
    if (m_token) (void)m_list.revoke(*m_token);
    m_token.reset();
}

TrustDesk::Outcome TrustDesk::set_token(std::optional<PeerId> token) {
    TrustActions actions;
    if (token == m_token) return actions;
    if (token && m_list.is_revoked(*token)) return Unexpected<Refused>(Refused::is_void);
    void_token();
    m_token = token;
    actions.keep = true;
    return actions;
}

TrustActions TrustDesk::set_configured(std::set<PeerId> keys) {
    m_list.set_configured(std::move(keys));
    TrustActions actions;
    apply(actions);
    return actions;
}

void TrustDesk::apply(TrustActions& actions) {
    std::set<PeerId> trusted = m_list.trusted();
    actions.drop_subscribers = !std::ranges::includes(trusted, m_admitted);
    m_admitted = trusted;
    actions.trusted = std::move(trusted);
}

// ----------------------------------------------------------------------------------------------

void tell(discovery::Membership& membership, const TrustActions& actions, Instant now) {
    if (actions.trusted) membership.set_trusted(*actions.trusted);
    if (actions.told) membership.on_told(actions.told->teller, actions.told->peers, now);
}

std::vector<discovery::Seed> seeds_of(const std::vector<protocol::KnownPeer>& met,
                                      const TrustDesk* desk) {
    std::vector<discovery::Seed> seeds;
    for (const protocol::KnownPeer& peer : met) {
        if (desk == nullptr) {
            seeds.push_back({peer.address, {}, peer});
        } else if (desk->list().is_trusted(peer.id)) {
            seeds.push_back({peer.address, peer.id, peer});
        }
    }
    return seeds;
}

}  // namespace dynavg::peer
