#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/membership.hpp"
#include "discovery/refusal_log.hpp"
#include "identity/trust.hpp"
#include "peer/door.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::peer {

/// As whom a connection is let in.
enum class LetIn : std::uint8_t {
    nobody,        ///< It is turned away.
    peer,          ///< The owner of the key that it has shown.
    token_holder,  ///< Somebody with the network's token: for one introduction, and nothing else.
};

/// Whether the disk has taken the list.
enum class Kept : std::uint8_t { no, yes };

/// The shell's orders, to be carried out in the order of the members.
struct TrustActions {
    /// The list (TrustDesk::list()) goes to disk, and TrustDesk::on_kept() hears of it.
    bool keep = false;
    bool remove_token = false;  ///< The token's file goes.
    // For the membership: see tell().
    std::optional<std::set<protocol::PeerId>> trusted;
    std::optional<discovery::Told> told;
    /// Ends the connections of all subscribers, who knock again.
    bool drop_subscribers = false;
    /// Ends the dialed connection that the message came by: it was refused and is tried anew.
    bool hang_up = false;
    /// Sends Node::introduction_reply() over the connection that the introduction came by.
    bool answer = false;
    std::vector<protocol::Event> events;
};

struct TrustDeskOptions {
    protocol::PeerId self;
    identity::TrustList list;  ///< As kept, and with the configured keys.
    /// The public half of the network's token, if this node has it.
    std::optional<protocol::PeerId> token{};
};

/// Decides who may be here, in a network with keys: which connections are let in, whose word makes
/// a key trusted, and what a revocation and a void token close. The rules:
///
/// - A key is let in at every door if it is trusted (identity::TrustList). A revoked key is not,
///   whatever token, configuration or other peers say, until a person trusts it here again.
/// - A connection that shows the network's token is let in at the direct door, for an introduction:
///   the key that the introduction names is then trusted. A token that was replaced, closed or lost
///   to a revocation opens nothing, now or in a later life, and neither does a connection that was
///   let in by it before.
/// - A node that has a token also trusts the peers that a joined peer tells of: they came in by the
///   token elsewhere. A node without a token takes no peer's word.
/// - A peer that has been in may know the token, so a revocation makes the token void here.
/// - Subscribers cannot be told apart, so when a key goes, all of them go, and knock again.
/// - A change that the disk does not take counts all the same, and is written again until the disk
///   has it.
///
/// A value machine: inputs and the time go in, TrustActions come out, and the shell carries them
/// out before the next input. No socket, file or clock. Not thread-safe. O(keys) per call.
class TrustDesk {
public:
    explicit TrustDesk(TrustDeskOptions options);

    /// A connection comes in at a listening socket. Its other end has proven by then that it owns
    /// the key.
    [[nodiscard]] LetIn on_knock(const Knock& knock, protocol::Instant now);
    /// Over a connection that was let in by `shown_token`, whenever that was. No actions: refused.
    [[nodiscard]] std::optional<TrustActions> on_introduction(const protocol::PeerId& shown_token,
                                                              const protocol::Hello& hello,
                                                              protocol::Instant now);
    /// `host` answers this node's own introduction.
    [[nodiscard]] TrustActions on_introduction_reply(const protocol::PeerId& host,
                                                     const protocol::HelloReply& reply,
                                                     const discovery::Membership& membership);
    /// See discovery::Actions::told.
    [[nodiscard]] TrustActions on_told(const discovery::Told& told);
    /// A subscriber has made the transport keep a topic, and could fill this machine's memory so.
    [[nodiscard]] TrustActions on_odd_subscription(const protocol::PeerId& from,
                                                   protocol::Instant now);
    void on_kept(Kept kept, protocol::Instant now);
    [[nodiscard]] TrustActions on_tick(protocol::Instant now);

    // A person's orders.
    enum class Refused : std::uint8_t {
        is_token,   ///< The key is that of the network's token, which many may hold.
        list_full,  ///< As many keys are known as there may be.
        is_void,    ///< This token was given up here.
    };
    using Outcome = Expected<TrustActions, Refused>;
    [[nodiscard]] Outcome trust(const protocol::PeerId& key);
    [[nodiscard]] Outcome revoke(const protocol::PeerId& key);
    /// The token's file has changed: this is its key now.
    [[nodiscard]] Outcome set_token(std::optional<protocol::PeerId> token);
    [[nodiscard]] TrustActions set_configured(std::set<protocol::PeerId> keys);

    /// Whether to show the token at a dialed address, too: that peer may not know our key yet.
    [[nodiscard]] bool should_introduce(const discovery::Dial& dial,
                                        const discovery::Membership& membership) const;

    [[nodiscard]] const identity::TrustList& list() const { return m_list; }
    /// The token that is good here and now; nothing: no connection is let in by token.
    [[nodiscard]] const std::optional<protocol::PeerId>& token() const { return m_token; }
    /// The disk has what list() is.
    [[nodiscard]] bool is_kept() const { return m_keep_again_at == protocol::kNever; }
    [[nodiscard]] protocol::Instant next_tick() const {
        return std::min(m_tell_knocks_at, m_keep_again_at);
    }

private:
    [[nodiscard]] bool is_shut_out(const protocol::PeerId& peer, protocol::Instant now) const;
    void void_token();
    void apply(TrustActions& actions);
    void add_told(const discovery::Told& told, TrustActions& actions);
    void tell_of(const Knock& knock, protocol::Instant now, TrustActions& actions);

    protocol::PeerId m_self;
    identity::TrustList m_list;
    std::optional<protocol::PeerId> m_token;
    bool m_shows_token;                     ///< As this life has begun.
    std::set<protocol::PeerId> m_admitted;  ///< Trusted, when last applied.
    discovery::RefusalLog m_refusals;
    std::map<protocol::PeerId, Knock> m_knocks;  ///< Refused and not yet told.
    protocol::Instant m_tell_knocks_at = protocol::kNever;
    protocol::Instant m_keep_again_at = protocol::kNever;
    std::map<protocol::PeerId, protocol::Instant> m_shut_out;  ///< Of gossip, until then.
    std::set<protocol::PeerId> m_introduced;  ///< Peers that know us by the token, in this life.
};

/// The part of the actions that is the membership's.
void tell(discovery::Membership& membership, const TrustActions& actions, protocol::Instant now);

/// The peers that an earlier life has met, as addresses to dial; without those that are not trusted
/// any more. A null desk: a network without keys, where every peer is trusted.
[[nodiscard]] std::vector<discovery::Seed> seeds_of(const std::vector<protocol::KnownPeer>& met,
                                                    const TrustDesk* desk);

}  // namespace dynavg::peer
