#include <utility>

#include <nlohmann/json.hpp>

#include "control/checks.hpp"
#include "daemon/app/app_parts.hpp"
#include "daemon/app/configured_peers.hpp"
#include "daemon/doors/door_check.hpp"

// The checks of the network for `dynavg doctor`: this node's of its peers, and theirs of it.

namespace dynavg::daemon {

/// A peer that is let in asks whether it can be reached where it says.
void App::Parts::dial_back(const discovery::DialBack& asked) {
    const ProvenPeer key = keys ? ProvenPeer(asked.peer) : ProvenPeer();
    check_doors(io, asked.endpoints, key,
                [this, connection = asked.connection](const protocol::Reached& reached) {
                    if (stopping) return;
                    node->on_dialed_back(connection, reached, now());
                    act();
                });
}

/// Answers at once; the asker asks again until the check is complete.
nlohmann::json App::Parts::check_peers(bool start) {
    if (start && !peer_checks) {
        peers_checked.reset();
        Checker checker;
        checker.keys = keys;
        checker.self = self.id;
        checker.ipv6 = parse_bind(config.node.bind, config.node.advertise)->ipv6;
        checker.trusts = [this](const protocol::PeerId& key) {
            return node->membership().is_trusted(key);
        };
        checker.probe = [this] { return node->probe(); };
        peer_checks.emplace(io, context, std::move(checker), configured_seeds(config),
                            [this](std::vector<control::PeerCheck> checks) {
                                peers_checked = std::move(checks);
                                peer_checks.reset();
                            });
    }
    control::PeerChecksReply reply;
    reply.endpoints = node->membership().hello().endpoints;
    reply.complete = peers_checked.has_value();
    if (peers_checked) reply.peers = *peers_checked;
    return control::to_reply(reply);
}

}  // namespace dynavg::daemon
