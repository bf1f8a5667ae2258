#include "tools/doctor/lone_node.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "daemon/app/clock.hpp"
#include "daemon/app/configured_peers.hpp"
#include "daemon/doors/peer_checks.hpp"
#include "daemon/doors/zap_handler.hpp"
#include "daemon/transport/bulk_transport.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "identity/key_file.hpp"
#include "identity/trust.hpp"
#include "peer/node.hpp"

namespace dynavg::doctor {

namespace {

using protocol::PeerId;

/// A node's sockets, key and trust, without what makes it a peer.
class LoneNode {
public:
    explicit LoneNode(const config::Config& config) : m_config(config) {}

    [[nodiscard]] Expected<void, Error> start(const protocol::NetworkFields& fields) {
        if (auto opened = open_keys(); !opened) return opened;
        const auto settings = daemon::parse_bind(m_config.node.bind, m_config.node.advertise);
        if (!settings) return Unexpected<Error>(settings.error());
        m_ipv6 = settings->ipv6;
        daemon::ZmqTransportOptions options;
        options.bind = *settings;
        options.keys = m_keys;
        m_transport.emplace(m_io, m_context, std::move(options), deaf());
        auto endpoints = m_transport->start();
        if (!endpoints) return Unexpected<Error>(endpoints.error());
        daemon::BulkTransportOptions bulk;
        bulk.bind = *settings;
        if (m_keys) bulk.identity = std::shared_ptr<const identity::Identity>(m_keys, &m_keys->own);
        m_bulk.emplace(m_io, m_context, bulk, [](const auto&...) {});
        auto bulk_endpoint = m_bulk->start();
        if (!bulk_endpoint) return Unexpected<Error>(bulk_endpoint.error());
        endpoints->bulk = *bulk_endpoint;
        make_node(*endpoints, fields);
        return {};
    }

    [[nodiscard]] control::PeerChecksReply check() {
        control::PeerChecksReply reply;
        reply.endpoints = m_node->membership().hello().endpoints;
        daemon::Checker checker;
        checker.keys = m_keys;
        checker.self = m_self;
        checker.ipv6 = m_ipv6;
        checker.trusts = [this](const PeerId& key) { return m_trust.is_trusted(key); };
        checker.probe = [this] { return m_node->probe(); };
        const daemon::PeerChecks checks(m_io, m_context, std::move(checker),
                                        daemon::configured_seeds(m_config),
                                        [&](std::vector<control::PeerCheck> found) {
                                            reply.peers = std::move(found);
                                            reply.complete = true;
                                        });
        while (!reply.complete) m_io.run_one();
        return reply;
    }

private:
    [[nodiscard]] Expected<void, Error> open_keys() {
        m_self = PeerId::from_name(m_config.node.name);
        if (m_config.security.insecure) return {};
        auto own = identity::load_identity(m_config.node.state_dir);
        if (!own) return Unexpected<Error>(own.error());
        if (auto kept = identity::load_trust(m_config.node.state_dir, m_trust); !kept) return kept;
        m_trust.set_configured(daemon::configured_keys(m_config));
        m_self = own->id;
        m_keys = std::make_shared<daemon::Keys>(daemon::Keys{*own, {}});
        m_zap.emplace(m_io, m_context, [this](const daemon::Knock& knock) {
            return m_trust.is_trusted(knock.key) ? knock.key.hex() : std::string();
        });
        return m_zap->start();
    }

    void make_node(const protocol::Endpoints& endpoints, const protocol::NetworkFields& fields) {
        discovery::MembershipOptions options;
        options.self = {m_config.node.order, m_self, protocol::Incarnation(0)};
        options.name = m_config.node.name;
        options.endpoints = endpoints;
        options.fields = fields;
        m_node.emplace(protocol::NetworkId(0), std::move(options), daemon::now());
    }

    /// Peers that miss this node go on to dial it; nobody answers.
    [[nodiscard]] static daemon::ZmqTransportHandlers deaf() {
        daemon::ZmqTransportHandlers handlers;
        handlers.on_gossip = [](const auto&...) { return std::nullopt; };
        handlers.on_direct = [](const auto&...) { return std::nullopt; };
        handlers.on_reply = [](const auto&...) { return std::nullopt; };
        return handlers;
    }

    const config::Config& m_config;
    boost::asio::io_context m_io{1};
    daemon::ZmqContextPointer m_context = daemon::make_zmq_context();
    PeerId m_self;
    identity::TrustList m_trust;
    std::shared_ptr<const daemon::Keys> m_keys;
    std::optional<daemon::ZapHandler> m_zap;
    bool m_ipv6 = false;
    std::optional<daemon::ZmqTransport> m_transport;
    std::optional<daemon::BulkTransport> m_bulk;
    std::optional<peer::Node> m_node;
};

}  // namespace

Expected<control::PeerChecksReply, Error> check_as_lone_node(
    const config::Config& config, const protocol::NetworkFields& fields) {
    LoneNode node(config);
    if (auto started = node.start(fields); !started) return Unexpected<Error>(started.error());
    return node.check();
}

}  // namespace dynavg::doctor
