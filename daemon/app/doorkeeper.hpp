#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json_fwd.hpp>

#include "daemon/doors/zap_handler.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "identity/trust.hpp"
#include "peer/node.hpp"
#include "peer/trust_desk.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::daemon {

struct DoorkeeperOptions {
    std::filesystem::path state_dir;  ///< Of key, token and list.
    std::set<protocol::PeerId> configured;
    std::function<void(protocol::Event)> report;
};

/// Keeps the doors of a node with keys: answers ZAP, and carries out the decisions of the TrustDesk
/// on the node, the transport and the files of the state folder. Thread: the loop's. A call that
/// changes the list blocks until the disk has it.
class Doorkeeper {
public:
    using Bytes = ZmqTransportHandlers::Bytes;
    using Verdict = ZmqTransportHandlers::Verdict;

    /// Reads key (made at the first start), token and list, and lets nobody in without them. Errors
    /// say which file is wrong.
    [[nodiscard]] static Expected<std::unique_ptr<Doorkeeper>, Error> open(
        boost::asio::io_context& loop, const ZmqContextPointer& context, DoorkeeperOptions options);
    /// To be called before the loop runs: the node and the transport that decisions are carried out
    /// on. Both must live as long as calls are made; the destructor uses neither.
    void attach(peer::Node& node, ZmqTransport& transport);
    /// Idempotent.
    void stop();

    // From the transport. The caller then carries out the node's actions.
    [[nodiscard]] Verdict on_introduction(const ConnectionId& connection,
                                          const protocol::PeerId& shown_token, Bytes bytes);
    [[nodiscard]] Verdict on_introduction_reply(const DialedId& dialed, Bytes bytes);
    void on_odd_subscription(const protocol::PeerId& from);
    // From the node.
    void on_told(const discovery::Told& told);
    [[nodiscard]] bool should_introduce(const discovery::Dial& dial) const;
    // From a person: answers of the control socket.
    [[nodiscard]] nlohmann::json trust(const std::string& key);
    [[nodiscard]] nlohmann::json revoke(const std::string& key);
    /// After `dynavg token --new` or `--close` has changed the file.
    [[nodiscard]] nlohmann::json take_token();
    void set_configured(std::set<protocol::PeerId> keys);

    [[nodiscard]] const std::shared_ptr<const Keys>& keys() const { return m_keys; }
    [[nodiscard]] const peer::TrustDesk& desk() const { return m_desk; }

private:
    Doorkeeper(boost::asio::io_context& loop, const ZmqContextPointer& context,
               DoorkeeperOptions options, std::shared_ptr<const Keys> keys,
               identity::TrustList list);

    [[nodiscard]] std::string admit(const Knock& knock);
    /// The error is one of the disk.
    Expected<void, Error> carry_out(peer::TrustActions actions);
    [[nodiscard]] Expected<void, Error> keep();
    [[nodiscard]] nlohmann::json answer(peer::TrustDesk::Outcome outcome);
    void wake_when_due();

    DoorkeeperOptions m_options;
    std::shared_ptr<const Keys> m_keys;
    peer::TrustDesk m_desk;
    ZapHandler m_zap;
    boost::asio::steady_timer m_timer;
    protocol::Instant m_next_wake = protocol::kNever;
    peer::Node* m_node = nullptr;
    ZmqTransport* m_transport = nullptr;
};

}  // namespace dynavg::daemon
