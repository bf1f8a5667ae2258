#include "tools/audit/record.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace dynavg::audit {

namespace {

/// Of "node-c (9f3a01c2)", or of a fingerprint alone.
struct Named {
    std::string name;
    std::string fingerprint;
};

Named named(const std::string& text) {
    const std::size_t open = text.rfind(" (");
    if (open == std::string::npos || text.back() != ')') return {{}, text};
    return {text.substr(0, open), text.substr(open + 2, text.size() - open - 3)};
}

std::uint32_t index_of(NetworkRecord& network, const std::string& node) {
    const auto next = static_cast<std::uint32_t>(network.nodes.size());
    const auto [place, is_new] = network.node_of.try_emplace(node, next);
    if (is_new) network.nodes.push_back({.name = node, .peer_ids = {}});
    return place->second;
}

void know(NetworkRecord& network, const Named& peer) {
    if (!peer.name.empty()) network.names.try_emplace(peer.fingerprint, peer.name);
}

void know_self(NetworkRecord& network, NodeRecord& node, const std::string& peer_id) {
    if (peer_id.empty()) return;
    node.peer_ids.insert(peer_id);
    network.names[peer_id] = node.name;
}

/// By bits: a threshold that is not told equals another such one.
bool same_number(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || !(a < b || a > b || std::isnan(a) || std::isnan(b));
}

Claim claim_of(NetworkRecord& network, const Entry& entry) {
    Claim claim{.digest = entry.digest};
    claim.threshold = entry.threshold.value_or(std::numeric_limits<double>::quiet_NaN());
    if (entry.kind == EntryKind::adopted) return claim;
    const auto next = static_cast<std::uint32_t>(network.rosters.size());
    const auto [place, is_new] = network.roster_of.try_emplace(entry.participants, next);
    if (is_new) network.rosters.push_back(entry.participants);
    claim.roster = place->second;
    claim.merge = entry.reason == "merge";
    return claim;
}

/// False if this node has said so before.
bool add_claim(NetworkRecord& network, std::uint32_t node, const Entry& entry) {
    EpochRecord& epoch = network.epochs[entry.epoch];
    const Claim claim = claim_of(network, entry);
    const auto same = [&claim](const Claim& other) {
        return other.digest == claim.digest && other.roster == claim.roster &&
               other.merge == claim.merge && same_number(other.threshold, claim.threshold);
    };
    const auto found = std::find_if(epoch.claims.begin(), epoch.claims.end(), same);
    const Witness witness{node, static_cast<std::uint32_t>(found - epoch.claims.begin())};
    if (found == epoch.claims.end()) epoch.claims.push_back(claim);
    const bool known =
        std::find(epoch.witnesses.begin(), epoch.witnesses.end(), witness) != epoch.witnesses.end();
    if (!known) epoch.witnesses.push_back(witness);
    return !known;
}

void add_commit(NetworkRecord& network, std::uint32_t index, const Entry& entry) {
    know_self(network, network.nodes[index], entry.peer_id);
    if (!add_claim(network, index, entry)) return;
    NodeRecord& node = network.nodes[index];
    ++node.rounds;
    node.bytes_sent += entry.bytes_sent;
    node.bytes_received += entry.bytes_received;
    node.bytes_monitoring += entry.bytes_monitoring;
    node.duration_ms += entry.duration_ms;
    for (const std::string& text : entry.missing) {
        const Named peer = named(text);
        know(network, peer);
        network.missing[peer.fingerprint].insert(entry.epoch);
    }
}

}  // namespace

void Record::add(const Entry& entry) {
    NetworkRecord& network = m_networks[entry.network];
    const std::uint32_t index = index_of(network, entry.node);
    NodeRecord& node = network.nodes[index];
    switch (entry.kind) {
        case EntryKind::started:
            ++node.starts;
            know_self(network, node, entry.peer_id);
            break;
        case EntryKind::committed:
            add_commit(network, index, entry);
            break;
        case EntryKind::adopted:
            if (add_claim(network, index, entry)) ++node.adoptions;
            break;
        case EntryKind::fork_detected:
            network.forks.insert({entry.epoch, entry.from_reference, false});
            break;
        case EntryKind::merged:
            network.forks.insert({entry.epoch, entry.from_reference, true});
            break;
        case EntryKind::peer_joined:
            know(network, named(entry.peer));
            break;
        case EntryKind::lines_lost:
            node.lines_lost += entry.lines;
            break;
    }
}

}  // namespace dynavg::audit
