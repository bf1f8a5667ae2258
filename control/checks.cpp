#include "control/checks.hpp"

#include "control/guarded.hpp"

namespace dynavg::control {

using Json = nlohmann::json;
using protocol::Reach;
using protocol::Reached;

namespace {

Json shown(const Reached& reached) {
    return {{"direct", name_of(reached.direct)},
            {"gossip", name_of(reached.gossip)},
            {"bulk", name_of(reached.bulk)}};
}

/// An outcome that this version has no name for counts as not tried.
Reach reach_from(const Json& name) {
    const auto text = name.get<std::string>();
    for (int i = static_cast<int>(Reach::not_tried); i <= static_cast<int>(Reach::no_such_host);
         ++i) {
        if (name_of(static_cast<Reach>(i)) == text) return static_cast<Reach>(i);
    }
    return Reach::not_tried;
}

Reached reached_from(const Json& json) {
    return {reach_from(json.at("direct")), reach_from(json.at("gossip")),
            reach_from(json.at("bulk"))};
}

Json shown(const protocol::Endpoints& endpoints) {
    return {{"direct", endpoints.direct}, {"gossip", endpoints.gossip}, {"bulk", endpoints.bulk}};
}

PeerCheck check_from(const Json& json) {
    PeerCheck check;
    json.at("address").get_to(check.address);
    json.at("key").get_to(check.key);
    json.at("is_self").get_to(check.is_self);
    json.at("is_trusted").get_to(check.is_trusted);
    check.direct = reach_from(json.at("direct_reach"));
    json.at("admitted").get_to(check.admitted);
    json.at("answered").get_to(check.answered);
    json.at("name").get_to(check.name);
    json.at("gossip").get_to(check.gossip);
    json.at("bulk").get_to(check.bulk);
    check.gossip_reach = reach_from(json.at("gossip_reach"));
    check.bulk_reach = reach_from(json.at("bulk_reach"));
    check.back = reached_from(json.at("back"));
    for (const Json& field : json.at("differences")) {
        check.differences.push_back({field.at("field").get<std::string>(),
                                     field.at("theirs").get<std::string>(),
                                     field.at("ours").get<std::string>()});
    }
    json.at("clock_offset_ms").get_to(check.clock_offset_ms);
    return check;
}

}  // namespace

Json check_peers_request(bool start) {
    return {{"verb", "check-peers"}, {"start", start}};
}

bool starts_check(const Json& request) {
    const auto start = request.find("start");
    return start != request.end() && start->is_boolean() && start->get<bool>();
}

Json to_json(const PeerCheck& check) {
    Json differences = Json::array();
    for (const protocol::FieldDifference& one : check.differences) {
        differences.push_back({{"field", one.field}, {"theirs", one.theirs}, {"ours", one.ours}});
    }
    return {{"address", check.address},
            {"key", check.key},
            {"is_self", check.is_self},
            {"is_trusted", check.is_trusted},
            {"direct_reach", name_of(check.direct)},
            {"admitted", check.admitted},
            {"answered", check.answered},
            {"name", check.name},
            {"gossip", check.gossip},
            {"bulk", check.bulk},
            {"gossip_reach", name_of(check.gossip_reach)},
            {"bulk_reach", name_of(check.bulk_reach)},
            {"back", shown(check.back)},
            {"differences", std::move(differences)},
            {"clock_offset_ms", check.clock_offset_ms}};
}

Json to_reply(const PeerChecksReply& checks) {
    Json peers = Json::array();
    for (const PeerCheck& check : checks.peers) peers.push_back(to_json(check));
    return {{"ok", true},
            {"complete", checks.complete},
            {"endpoints", shown(checks.endpoints)},
            {"peers", std::move(peers)}};
}

Expected<PeerChecksReply, Error> peer_checks_from(const Json& reply) {
    return guarded(reply, [&] {
        PeerChecksReply checks;
        reply.at("complete").get_to(checks.complete);
        const Json& endpoints = reply.at("endpoints");
        endpoints.at("direct").get_to(checks.endpoints.direct);
        endpoints.at("gossip").get_to(checks.endpoints.gossip);
        endpoints.at("bulk").get_to(checks.endpoints.bulk);
        for (const Json& check : reply.at("peers")) checks.peers.push_back(check_from(check));
        return checks;
    });
}

}  // namespace dynavg::control
