#include "daemon/app/doorkeeper.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "daemon/app/clock.hpp"
#include "identity/key_file.hpp"
#include "identity/token.hpp"
#include "protocol/base/check.hpp"

namespace dynavg::daemon {

using identity::TrustList;
using peer::TrustActions;
using peer::TrustDesk;
using protocol::Event;
using protocol::Level;
using protocol::PeerId;
using protocol::Traffic;

namespace {

std::optional<PeerId> key_of(const std::optional<identity::Identity>& token) {
    return token ? std::optional(token->id) : std::nullopt;
}

Expected<std::optional<identity::Identity>, Error> load_token(
    const std::filesystem::path& state_dir) {
    const auto secret = identity::load_token_secret(state_dir);
    if (!secret) return Unexpected<Error>(secret.error());
    if (!*secret) return std::nullopt;
    return identity::identity_from_seed(**secret);
}

nlohmann::json no_key(const std::string& text) {
    return control::error_reply(fmt::format(
        "\"{}\" is no public key (64 hexadecimal digits, as `dynavg id` prints them)", text));
}

std::string text_of(TrustDesk::Refused refused, const std::filesystem::path& state_dir) {
    switch (refused) {
        case TrustDesk::Refused::is_token:
            return "that is the key of the network's token, which many may hold; a node's own key "
                   "is what `dynavg id` prints there";
        case TrustDesk::Refused::is_void:
            return "this token was given up here and stays void; `dynavg token --new` makes "
                   "another one";
        case TrustDesk::Refused::list_full:
            break;
    }
    return fmt::format(
        "as many keys are known as there may be ({}): stop the daemon, remove lines from {} and "
        "start it again",
        TrustList::kKeysMax, (state_dir / identity::kTrustFileName).string());
}

}  // namespace

Expected<std::unique_ptr<Doorkeeper>, Error> Doorkeeper::open(boost::asio::io_context& loop,
                                                              const ZmqContextPointer& context,
                                                              DoorkeeperOptions options) {
    const auto own = identity::load_or_make_identity(options.state_dir);
    if (!own) return Unexpected<Error>(own.error());
    auto token = load_token(options.state_dir);
    if (!token) return Unexpected<Error>(token.error());
    TrustList list;
    if (auto loaded = identity::load_trust(options.state_dir, list); !loaded) {
        return Unexpected<Error>(loaded.error());
    }
    list.set_configured(options.configured);
    auto keys = std::make_shared<const Keys>(Keys{*own, std::move(*token)});
    std::unique_ptr<Doorkeeper> made(
        new Doorkeeper(loop, context, std::move(options), std::move(keys), std::move(list)));
    if (auto started = made->m_zap.start(); !started) return Unexpected<Error>(started.error());
    return made;
}

Doorkeeper::Doorkeeper(boost::asio::io_context& loop, const ZmqContextPointer& context,
                       DoorkeeperOptions options, std::shared_ptr<const Keys> keys, TrustList list)
    : m_options(std::move(options)),
      m_keys(std::move(keys)),
      m_desk({m_keys->own.id, std::move(list), key_of(m_keys->token)}),
      m_zap(loop, context, [this](const Knock& knock) { return admit(knock); }),
      m_timer(loop) {}

void Doorkeeper::attach(peer::Node& node, ZmqTransport& transport) {
    m_node = &node;
    m_transport = &transport;
}

void Doorkeeper::stop() {
    m_timer.cancel();
}

/// By what name a connection is known, or empty: it is refused.
std::string Doorkeeper::admit(const Knock& knock) {
    const peer::LetIn let_in = m_desk.on_knock(knock, now());
    wake_when_due();
    switch (let_in) {
        case peer::LetIn::peer:
            return knock.key.hex();
        case peer::LetIn::token_holder:
            return token_user(knock.key);
        case peer::LetIn::nobody:
            break;
    }
    return {};
}

Doorkeeper::Verdict Doorkeeper::on_introduction(const ConnectionId& connection,
                                                const PeerId& shown_token, Bytes bytes) {
    const auto hello = m_node->on_introduction(bytes);
    if (!hello) return std::nullopt;
    auto actions = m_desk.on_introduction(shown_token, *hello, now());
    if (!actions) return std::nullopt;
    const bool answer = actions->answer;
    (void)carry_out(std::move(*actions));
    if (answer) {
        const peer::Frame reply = m_node->introduction_reply();
        m_transport->reply(connection, reply.bytes, reply.traffic);
    }
    return Traffic::overhead;
}

Doorkeeper::Verdict Doorkeeper::on_introduction_reply(const DialedId& dialed, Bytes bytes) {
    const PeerId host = *dialed.proven;
    const auto reply = m_node->on_introduction_reply(host, bytes);
    if (!reply) return std::nullopt;
    TrustActions actions = m_desk.on_introduction_reply(host, *reply, m_node->membership());
    if (actions.hang_up) m_transport->close_address(dialed.address);
    (void)carry_out(std::move(actions));
    return Traffic::overhead;
}

void Doorkeeper::on_odd_subscription(const PeerId& from) {
    (void)carry_out(m_desk.on_odd_subscription(from, now()));
}

void Doorkeeper::on_told(const discovery::Told& told) {
    (void)carry_out(m_desk.on_told(told));
}

bool Doorkeeper::should_introduce(const discovery::Dial& dial) const {
    return m_desk.should_introduce(dial, m_node->membership());
}

void Doorkeeper::set_configured(std::set<PeerId> keys) {
    (void)carry_out(m_desk.set_configured(std::move(keys)));
}

nlohmann::json Doorkeeper::trust(const std::string& key) {
    const auto id = PeerId::from_hex(key);
    return id ? answer(m_desk.trust(*id)) : no_key(key);
}

nlohmann::json Doorkeeper::revoke(const std::string& key) {
    const auto id = PeerId::from_hex(key);
    return id ? answer(m_desk.revoke(*id)) : no_key(key);
}

nlohmann::json Doorkeeper::take_token() {
    const auto token = load_token(m_options.state_dir);
    if (!token) return control::error_reply(token.error().message);
    return answer(m_desk.set_token(key_of(*token)));
}

nlohmann::json Doorkeeper::answer(TrustDesk::Outcome outcome) {
    if (!outcome) return control::error_reply(text_of(outcome.error(), m_options.state_dir));
    const auto done = carry_out(std::move(*outcome));
    return done ? control::done_reply() : control::error_reply(done.error().message);
}

Expected<void, Error> Doorkeeper::carry_out(TrustActions actions) {
    Expected<void, Error> done;
    if (actions.keep) done = keep();
    if (actions.remove_token) {
        auto removed = identity::remove_token_secret(m_options.state_dir);
        if (!removed) done = Unexpected<Error>(removed.error());
    }
    peer::tell(m_node->membership(), actions, now());
    if (actions.drop_subscribers) m_transport->drop_subscribers();
    for (Event& event : actions.events) m_options.report(std::move(event));
    wake_when_due();
    return done;
}

/// Told once, however often the disk refuses.
Expected<void, Error> Doorkeeper::keep() {
    const bool was_kept = m_desk.is_kept();
    const auto saved = identity::save_trust(m_options.state_dir, m_desk.list());
    m_desk.on_kept(saved ? peer::Kept::yes : peer::Kept::no, now());
    if (saved) return {};
    const std::string& reason = saved.error().message;
    if (was_kept) {
        m_options.report(Event("checkpoint_failed", Level::warning,
                               reason + ". The keys count all the same, and are written once the "
                                        "disk takes them.")
                             .with("path", m_options.state_dir.string())
                             .with("reason", reason));
    }
    return fail(fmt::format(
        "it counts, and is lost if the daemon ends before the disk takes it: {}; mend that",
        reason));
}

void Doorkeeper::wake_when_due() {
    const protocol::Instant when = m_desk.next_tick();
    if (when == m_next_wake) return;
    m_next_wake = when;
    if (when == protocol::kNever) {
        m_timer.cancel();
        return;
    }
    m_timer.expires_at(std::chrono::steady_clock::time_point(when.time_since_epoch()));
    m_timer.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        m_next_wake = protocol::kNever;
        (void)carry_out(m_desk.on_tick(now()));
    });
}

}  // namespace dynavg::daemon
