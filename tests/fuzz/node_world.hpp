#pragma once

#include <string>
#include <vector>

#include "peer/node.hpp"

/// The small network of the target `node`, which its seeds speak of too.
namespace dynavg::fuzz {

inline constexpr protocol::NetworkId kNetwork{42};

inline protocol::ReferencePointer initial_reference(bool has_direction) {
    return protocol::make_initial_reference({4, 1, has_direction}, std::vector<float>(5), 1.0, 1);
}

inline std::string address_of(int node) {
    return "node-" + std::to_string(node) + ".example:4000";
}

inline discovery::ConnectionId connection_of(int node) {
    return "connection-" + std::to_string(node);
}

inline discovery::MembershipOptions node_options(int node) {
    discovery::MembershipOptions options;
    options.self = {node, protocol::PeerId::from_name("node" + std::to_string(node)),
                    protocol::Incarnation(1)};
    options.name = "node-" + std::to_string(node);
    options.endpoints = {address_of(node), "g:1", "b:1"};
    options.fields = {{"averaging.monitor", "norm"}, {"network", "fuzz"}};
    options.random_seed = 1;
    return options;
}

inline protocol::Hello hello_of(int node) {
    const discovery::MembershipOptions options = node_options(node);
    protocol::Hello hello;
    hello.member = options.self;
    hello.name = options.name;
    hello.endpoints = options.endpoints;
    hello.fields = options.fields;
    return hello;
}

}  // namespace dynavg::fuzz
