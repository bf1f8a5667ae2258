#include "tools/audit/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "tools/audit/forks.hpp"

namespace dynavg::audit {

namespace {

/// The part of a claim that a dispute of this kind is about.
Side side_of(const NetworkRecord& network, const Claim& claim) {
    Side side{.digest = claim.digest};
    if (!claim.adopted()) {
        side.participants.emplace();
        for (const std::string& member : network.rosters[claim.roster]) {
            side.participants->push_back(name_of(network, member));
        }
        if (!std::isnan(claim.threshold)) side.threshold = claim.threshold;
    }
    return side;
}

bool says_the_same(DisputeKind kind, const Claim& a, const Claim& b) {
    if (a.digest != b.digest) return false;
    switch (kind) {
        case DisputeKind::digest:
            return true;
        case DisputeKind::participants:
            return a.roster == b.roster;
        case DisputeKind::threshold:
            return !(a.threshold < b.threshold) && !(a.threshold > b.threshold);
    }
    return true;
}

/// Claims that matter in a dispute of this kind.
bool takes_part(DisputeKind kind, const Claim& claim) {
    return kind == DisputeKind::digest || !claim.adopted();
}

/// Of one digest; a line that lacks a field disputes nothing.
bool contradict(DisputeKind kind, const Claim& a, const Claim& b) {
    if (kind == DisputeKind::digest) return a.digest != b.digest;
    if (a.digest != b.digest || a.adopted() || b.adopted()) return false;
    if (kind == DisputeKind::participants) return a.roster != b.roster;
    return !a.merge && !b.merge && (a.threshold < b.threshold || a.threshold > b.threshold);
}

bool has_dispute(DisputeKind kind, const EpochRecord& record) {
    for (auto a = record.claims.begin(); a != record.claims.end(); ++a) {
        const auto contradicts = [&](const Claim& b) { return contradict(kind, *a, b); };
        if (std::any_of(std::next(a), record.claims.end(), contradicts)) return true;
    }
    return false;
}

Dispute dispute_of(DisputeKind kind, const NetworkRecord& network, std::uint64_t epoch,
                   const EpochRecord& record) {
    Dispute dispute{epoch, kind, {}};
    std::vector<std::pair<const Claim*, std::set<std::string>>> groups;
    for (const Witness& witness : record.witnesses) {
        const Claim& claim = record.claims[witness.claim];
        if (!takes_part(kind, claim)) continue;
        const auto same = [&](const auto& group) {
            return says_the_same(kind, *group.first, claim);
        };
        auto group = std::find_if(groups.begin(), groups.end(), same);
        if (group == groups.end()) group = groups.insert(group, {&claim, {}});
        // A round tells more than who adopted its outcome.
        if (group->first->adopted()) group->first = &claim;
        group->second.insert(network.nodes[witness.node].name);
    }
    for (const auto& [claim, nodes] : groups) {
        Side side = side_of(network, *claim);
        side.nodes.assign(nodes.begin(), nodes.end());
        dispute.sides.push_back(std::move(side));
    }
    return dispute;
}

void add_to(std::vector<EpochRange>& ranges, std::uint64_t epoch) {
    if (!ranges.empty() && ranges.back().last + 1 == epoch) {
        ranges.back().last = epoch;
    } else {
        ranges.push_back({epoch, epoch});
    }
}

/// The sum of all epochs for each node.
class NodeCensus {
public:
    explicit NodeCensus(const NetworkRecord& network) : m_nodes(network.nodes.size()) {
        for (std::size_t i = 0; i < m_nodes.size(); ++i) m_nodes[i].record = network.nodes[i];
    }

    /// Epochs in ascending order. How many nodes told of this one.
    std::size_t add(std::uint64_t epoch, const EpochRecord& record) {
        std::map<std::uint32_t, bool> jumped;  // Adopting and merging pass epochs over.
        for (const Witness& witness : record.witnesses) {
            const Claim& claim = record.claims[witness.claim];
            bool& jumps = jumped[witness.node];
            jumps = jumps || claim.adopted() || claim.merge;
        }
        for (const auto& [index, jumps] : jumped) {
            NodeVerdict& node = m_nodes[index];
            const bool is_first = node.epochs == EpochRange{};
            if (!is_first && !jumps && epoch > node.epochs.last + 1) {
                node.gaps.push_back({node.epochs.last + 1, epoch - 1});
            }
            node.epochs = {is_first ? epoch : node.epochs.first, epoch};
        }
        return jumped.size();
    }

    [[nodiscard]] std::vector<NodeVerdict> take() {
        const auto silent = [](const NodeVerdict& node) {
            return node.record.rounds + node.record.adoptions == 0;
        };
        std::erase_if(m_nodes, silent);
        std::sort(m_nodes.begin(), m_nodes.end(), [](const NodeVerdict& a, const NodeVerdict& b) {
            return a.record.name < b.record.name;
        });
        return std::move(m_nodes);
    }

private:
    std::vector<NodeVerdict> m_nodes;
};

std::uint64_t rounds_in(const EpochRecord& record) {
    std::set<protocol::Digest> digests;
    for (const Claim& claim : record.claims) {
        if (!claim.adopted()) digests.insert(claim.digest);
    }
    return digests.size();
}

void find_disputes(const NetworkRecord& network, std::uint64_t epoch, const EpochRecord& record,
                   Forks& forks, NetworkVerdict& verdict) {
    if (record.claims.size() < 2) return;
    if (has_dispute(DisputeKind::digest, record)) {
        if (forks.explain(epoch, record)) {
            add_to(verdict.forks, epoch);
        } else {
            verdict.disputes.push_back(dispute_of(DisputeKind::digest, network, epoch, record));
        }
    }
    for (const DisputeKind kind : {DisputeKind::participants, DisputeKind::threshold}) {
        if (has_dispute(kind, record)) {
            verdict.disputes.push_back(dispute_of(kind, network, epoch, record));
        }
    }
}

std::vector<std::string> without_log(const NetworkRecord& network) {
    std::set<std::string> strangers;
    for (const auto& roster : network.rosters) strangers.insert(roster.begin(), roster.end());
    for (const NodeRecord& node : network.nodes) {
        for (const std::string& own : node.peer_ids) strangers.erase(own);
    }
    std::vector<std::string> names;
    for (const std::string& fingerprint : strangers) names.push_back(name_of(network, fingerprint));
    return names;
}

}  // namespace

NetworkVerdict judge(const std::string& name, const NetworkRecord& network) {
    NetworkVerdict verdict;
    verdict.name = name;
    NodeCensus nodes(network);
    Forks forks(network);
    for (const auto& [epoch, record] : network.epochs) {
        if (nodes.add(epoch, record) > 1) ++verdict.compared;
        verdict.rounds += rounds_in(record);
        find_disputes(network, epoch, record, forks, verdict);
    }
    verdict.references = network.epochs.size();
    if (!network.epochs.empty()) {
        verdict.epochs = {network.epochs.begin()->first, network.epochs.rbegin()->first};
    }
    std::set<std::uint64_t> merges;
    for (const ForkSign& sign : network.forks) {
        if (sign.merged) merges.insert(sign.epoch);
    }
    verdict.merges = merges.size();
    for (const auto& [fingerprint, epochs] : network.missing) {
        verdict.missing.push_back(
            {name_of(network, fingerprint), epochs.size(), ranges_of(epochs)});
    }
    verdict.nodes = nodes.take();
    verdict.without_log = without_log(network);
    return verdict;
}

std::vector<EpochRange> ranges_of(const std::set<std::uint64_t>& numbers) {
    std::vector<EpochRange> ranges;
    for (const std::uint64_t number : numbers) add_to(ranges, number);
    return ranges;
}

std::string name_of(const NetworkRecord& network, const std::string& fingerprint) {
    const auto found = network.names.find(fingerprint);
    if (found == network.names.end()) return fingerprint;
    return fmt::format("{} ({})", found->second, fingerprint);
}

}  // namespace dynavg::audit
