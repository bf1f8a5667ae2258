#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/expected.hpp"
#include "protocol/wire/messages.hpp"

/// A node's findings about its peers, for `dynavg doctor`, and the messages that tell them.
namespace dynavg::control {

/// One address of the configuration, tried in both directions.
struct PeerCheck {
    std::string address;     ///< As configured, without the key.
    std::string key;         ///< That it should have; empty in a network without keys.
    bool is_self = false;    ///< This node's own; nothing else was tried then.
    bool is_trusted = true;  ///< This node lets that key in.
    protocol::Reach direct = protocol::Reach::not_tried;
    bool admitted = false;  ///< It let this node's key in.
    bool answered = false;  ///< The members below are known.
    std::string name;       ///< As it calls itself.
    std::string gossip;     ///< Its further addresses, as it advertises them, and
    std::string bulk;
    protocol::Reach gossip_reach = protocol::Reach::not_tried;  ///< what stands there.
    protocol::Reach bulk_reach = protocol::Reach::not_tried;
    protocol::Reached back;                              ///< This node's sockets, from there.
    std::vector<protocol::FieldDifference> differences;  ///< From this node's point of view.
    std::int64_t clock_offset_ms = 0;                    ///< Its wall clock less ours.
    bool operator==(const PeerCheck&) const = default;
};

/// Answer to {"verb": "check-peers"}: the findings so far.
struct PeerChecksReply {
    bool complete = false;
    protocol::Endpoints endpoints;  ///< Of the node that asks, as it advertises them.
    std::vector<PeerCheck> peers;   ///< Of a check that is complete.
    bool operator==(const PeerChecksReply&) const = default;
};

/// {"verb": "check-peers", "start": begin anew, unless one is under way}
[[nodiscard]] nlohmann::json check_peers_request(bool start);
[[nodiscard]] bool starts_check(const nlohmann::json& request);

[[nodiscard]] nlohmann::json to_json(const PeerCheck& check);
[[nodiscard]] nlohmann::json to_reply(const PeerChecksReply& checks);
[[nodiscard]] Expected<PeerChecksReply, Error> peer_checks_from(const nlohmann::json& reply);

}  // namespace dynavg::control
