#include "daemon/app/configured_peers.hpp"

#include "protocol/base/address.hpp"

namespace dynavg::daemon {

using protocol::PeerId;

std::vector<discovery::Seed> configured_seeds(const config::Config& config) {
    std::vector<discovery::Seed> seeds;
    for (const std::string& text : config.node.peers) {
        if (const auto peer = protocol::parse_peer_address(text)) {
            seeds.push_back({peer->address, peer->key});
        }
    }
    return seeds;
}

std::set<PeerId> configured_keys(const config::Config& config) {
    std::set<PeerId> keys;
    for (const discovery::Seed& seed : configured_seeds(config)) {
        if (seed.peer) keys.insert(*seed.peer);
    }
    for (const std::string& text : config.security.trusted_peers) {
        if (const auto key = PeerId::from_hex(text)) keys.insert(*key);
    }
    return keys;
}

}  // namespace dynavg::daemon
