#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "daemon/app/app_parts.hpp"
#include "daemon/app/configured_peers.hpp"
#include "discovery/handshake.hpp"
#include "identity/key_file.hpp"
#include "identity/token.hpp"

// Who may be here: this node's key, whose keys it trusts, and how newcomers become known.

namespace dynavg::daemon {

using identity::TrustList;
using protocol::Event;
using protocol::Level;
using protocol::PeerId;
using protocol::Traffic;
using Bytes = ZmqTransportHandlers::Bytes;
using Verdict = ZmqTransportHandlers::Verdict;

namespace {

/// Somebody with a token knocks with its own key, too, before it is known by it.
constexpr std::chrono::seconds kKnockToldAfter{3};
/// Beyond them a knock is not told.
constexpr std::size_t kKnocksMax = 64;
/// Of gossip, for a peer that misuses it.
constexpr std::chrono::minutes kShutOutFor{10};

std::optional<PeerId> key_of(const std::optional<identity::Identity>& token) {
    return token ? std::optional(token->id) : std::nullopt;
}

Expected<std::optional<identity::Identity>, Error> load_token(const config::Config& config) {
    const auto secret = identity::load_token_secret(config.node.state_dir);
    if (!secret) return Unexpected<Error>(secret.error());
    if (!*secret) return std::nullopt;
    return identity::identity_from_seed(**secret);
}

nlohmann::json no_key(const std::string& text) {
    return control::error_reply(fmt::format(
        "\"{}\" is no public key (64 hexadecimal digits, as `dynavg id` prints them)", text));
}

nlohmann::json list_is_full(const config::Config& config) {
    return control::error_reply(fmt::format(
        "as many keys are known as there may be ({}): stop the daemon, remove lines from {} and "
        "start it again",
        TrustList::kKeysMax, (config.node.state_dir / identity::kTrustFileName).string()));
}

}  // namespace

Expected<void, Error> App::Parts::open_trust() {
    if (config.security.insecure) return {};
    const auto own = identity::load_or_make_identity(config.node.state_dir);
    if (!own) return Unexpected<Error>(own.error());
    auto token = load_token(config);
    if (!token) return Unexpected<Error>(token.error());
    if (auto loaded = identity::load_trust(config.node.state_dir, trust); !loaded) return loaded;
    trust.set_configured(configured_keys(config));
    admitted = trust.trusted();
    self.id = own->id;
    token_key = key_of(*token);
    keys = std::make_shared<Keys>(Keys{*own, std::move(*token)});
    zap.emplace(io, context, [this](const Knock& knock) { return admit(knock); });
    return zap->start();
}

/// By what name a connection is known, or empty: it is refused.
std::string App::Parts::admit(const Knock& knock) {
    if (knock.door == Door::gossip && is_shut_out(knock.key)) return {};
    if (knock.key == keys->own.id || trust.is_trusted(knock.key)) return knock.key.hex();
    if (knock.door == Door::direct && knock.key == token_key) return token_user(knock.key);
    if (knocks.size() < kKnocksMax && knocks.emplace(knock.key, knock).second &&
        knocks.size() == 1) {
        knock_timer.expires_after(kKnockToldAfter);
        knock_timer.async_wait([this](const boost::system::error_code& error) {
            if (!error) tell_of_knocks();
        });
    }
    return {};
}

void App::Parts::tell_of_knocks() {
    for (const auto& [key, knock] : std::exchange(knocks, {})) {
        if (trust.is_trusted(key)) continue;
        const bool revoked = trust.is_revoked(key);
        const std::string reason = revoked ? "its key was revoked" : "its key is not trusted";
        if (!refusal_log.worth_a_line(key.fingerprint(), {reason}, now())) continue;
        // A token's key is revoked with the token; nobody should be told to trust it.
        const std::string advice =
            revoked ? std::string()
                    : fmt::format(
                          " If it is a node of this network: `dynavg trust {}`, or let it "
                          "join by the token.",
                          key.hex());
        report(Event("peer_refused", Level::warning,
                     fmt::format("A connection from {} is refused: {}.{}", knock.address, reason,
                                 advice))
                   .with("peer", key.fingerprint())
                   .with("address", knock.address)
                   .with("reason", reason));
    }
}

/// A peer that may not know our key yet learns it with the network's token.
bool App::Parts::wants_introduction(const discovery::Dial& dial) const {
    return keys && keys->token && dial.peer && !introduced.contains(*dial.peer) &&
           node->membership().joined(*dial.peer) == nullptr;
}

/// ZAP has admitted the connection once; its token may be void since.
Verdict App::Parts::on_introduction(const ConnectionId& connection, const PeerId& shown_token,
                                    Bytes bytes) {
    if (shown_token != token_key) return std::nullopt;
    const auto hello = node->on_introduction(bytes);
    if (!hello) return std::nullopt;
    const PeerId id = hello->member.id;
    const std::string who = discovery::display_name(hello->name, id);
    using Joined = TrustList::Joined;
    const Joined joined = trust.is_trusted(id) ? Joined::known : trust.join(id, hello->name);
    if (joined == Joined::revoked || joined == Joined::full) {
        const std::string reason = joined == Joined::full ? "as many keys as there may be are known"
                                                          : "its key was revoked";
        if (refusal_log.worth_a_line(id.fingerprint(), {reason}, now())) {
            report(Event("peer_refused", Level::warning,
                         fmt::format("{} has the network's token but is refused: {}.", who, reason))
                       .with("peer", who)
                       .with("address", hello->endpoints.direct)
                       .with("reason", reason));
        }
        return Traffic::overhead;
    }
    if (joined == Joined::added) {
        report(Event("peer_trusted", Level::info,
                     fmt::format(
                         "{} has shown the network's token; its key is trusted from now on.", who))
                   .with("peer", who)
                   .with("address", hello->endpoints.direct)
                   .with("reason", std::string("token")));
        (void)keep_trust();
        apply_trust();
    }
    const peer::Frame reply = node->introduction_reply();
    transport->reply(connection, reply.bytes, reply.traffic);
    act();
    return Traffic::overhead;
}

Verdict App::Parts::on_introduction_reply(const DialedId& dialed, Bytes bytes) {
    const PeerId host = *dialed.proven;
    const auto reply = node->on_introduction_reply(host, bytes);
    if (!reply) return std::nullopt;
    introduced.insert(host);
    // What was refused a moment ago need not wait for ZeroMQ's next try; a peer that knew us anyway
    // has answered meanwhile.
    if (node->membership().joined(host) == nullptr) transport->close_address(dialed.address);
    take_word({host, reply->peers});
    act();
    return Traffic::overhead;
}

bool App::Parts::is_shut_out(const PeerId& peer) const {
    const auto found = shut_out.find(peer);
    return found != shut_out.end() && now() < found->second;
}

/// It has made ZeroMQ keep a topic, and could fill this machine's memory with them.
void App::Parts::shut_out_of_gossip(const PeerId& peer) {
    shut_out[peer] = now() + kShutOutFor;
    const std::string reason = "it subscribed to a topic, as no dynavgd does";
    if (!refusal_log.worth_a_line(peer.fingerprint(), {reason}, now())) return;
    report(Event("peer_refused", Level::warning,
                 fmt::format("{} hears nothing for {} min: {}. If it is not to be trusted: `dynavg "
                             "revoke {}`.",
                             peer.fingerprint(), kShutOutFor.count(), reason, peer.hex()))
               .with("peer", peer.fingerprint())
               .with("reason", reason));
}

/// Who holds the token trusts whom a trusted peer tells of: those who came in by it elsewhere.
void App::Parts::take_word(const discovery::Told& told) {
    if (!token_key) return;
    bool added = false;
    for (const protocol::KnownPeer& peer : told.peers) {
        if (peer.id == self.id || trust.is_trusted(peer.id)) continue;
        const std::string teller = told.teller.fingerprint();
        if (trust.join_told(peer.id, teller) != TrustList::Joined::added) continue;
        added = true;
        report(Event("peer_trusted", Level::info,
                     fmt::format("{} tells of {}, whose key is trusted from now on.", teller,
                                 peer.id.fingerprint()))
                   .with("peer", peer.id.fingerprint())
                   .with("address", peer.address)
                   .with("reason", "told by " + teller));
    }
    if (added) {
        (void)keep_trust();
        apply_trust();
    }
    node->membership().on_told(told.teller, told.peers, now());
}

/// Subscribers cannot be told apart, so when a key goes all go, and come back if they still may.
void App::Parts::apply_trust() {
    std::set<PeerId> trusted = trust.trusted();
    const bool one_goes = !std::ranges::includes(trusted, admitted);
    admitted = trusted;
    node->membership().set_trusted(std::move(trusted));
    if (one_goes) transport->drop_subscribers();
}

/// The configuration has changed: keys come and go with it.
void App::Parts::take_configured_keys() {
    if (!keys) return;
    trust.set_configured(configured_keys(config));
    apply_trust();
}

Expected<void, Error> App::Parts::keep_trust() {
    auto saved = identity::save_trust(config.node.state_dir, trust);
    if (!saved) {
        report(Event("checkpoint_failed", Level::warning,
                     saved.error().message + ". The keys count until the next start all the same.")
                   .with("path", config.node.state_dir.string())
                   .with("reason", saved.error().message));
    }
    return saved;
}

/// Also of a key that was said before: then it may not have been kept.
nlohmann::json App::Parts::kept_or_error() {
    const auto kept = keep_trust();
    if (kept) return control::done_reply();
    return control::error_reply(
        fmt::format("it counts until the next start only: {}; mend that and say it again",
                    kept.error().message));
}

nlohmann::json App::Parts::trust_key(const std::string& key) {
    const auto id = PeerId::from_hex(key);
    if (!keys) return control::error_reply("this network uses no keys (insecure = true)");
    if (!id) return no_key(key);
    if (*id == token_key) {
        return control::error_reply(
            "that is the key of the network's token, which many may hold; a node's own key is what "
            "`dynavg id` prints there");
    }
    if (trust.trust(*id, "by hand") == TrustList::Said::full) return list_is_full(config);
    nlohmann::json reply = kept_or_error();
    apply_trust();
    act();
    return reply;
}

nlohmann::json App::Parts::revoke_key(const std::string& key) {
    const auto id = PeerId::from_hex(key);
    if (!keys) return control::error_reply("this network uses no keys (insecure = true)");
    if (!id) return no_key(key);
    const auto said = trust.revoke(*id);
    if (said == TrustList::Said::full) return list_is_full(config);
    // Whoever has been in may know the token and come back with another key.
    void_token();
    nlohmann::json reply = kept_or_error();
    const auto removed = identity::remove_token_secret(config.node.state_dir);
    if (!removed) reply = control::error_reply(removed.error().message);
    apply_trust();
    if (said == TrustList::Said::done) {
        report(Event("peer_revoked", Level::warning,
                     fmt::format("{}: the key is revoked and this node's token is void.",
                                 id->fingerprint()))
                   .with("peer", id->fingerprint()));
    }
    act();
    return reply;
}

/// Who goes on to show it is told apart from a stranger.
void App::Parts::void_token() {
    if (token_key) (void)trust.revoke(*token_key);
    token_key.reset();
}

/// After `dynavg token --new` or `--close` has changed the file.
nlohmann::json App::Parts::take_token() {
    if (!keys) return control::error_reply("this network uses no keys (insecure = true)");
    const auto token = load_token(config);
    if (!token) return control::error_reply(token.error().message);
    const auto loaded = key_of(*token);
    if (loaded == token_key) return control::done_reply();
    void_token();
    token_key = loaded;
    return kept_or_error();
}

}  // namespace dynavg::daemon
