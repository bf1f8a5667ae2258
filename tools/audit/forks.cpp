#include "tools/audit/forks.hpp"

#include <algorithm>
#include <iterator>

namespace dynavg::audit {

/// A merge tells the digest at its end only, whose epoch the rounds tell, or else the epoch before.
Forks::Forks(const NetworkRecord& network) : m_network(network) {
    std::map<protocol::Digest, std::uint64_t> merged;
    for (const ForkSign& sign : network.forks) {
        if (sign.merged) {
            merged.emplace(sign.digest, sign.epoch - std::min<std::uint64_t>(sign.epoch, 1));
        } else {
            m_signs.insert(sign.epoch);
        }
    }
    if (!merged.empty()) {
        for (const auto& [epoch, record] : network.epochs) {
            for (const Claim& claim : record.claims) {
                const auto found = merged.find(claim.digest);
                if (found != merged.end()) found->second = epoch;
            }
        }
    }
    for (const auto& [digest, epoch] : merged) m_signs.insert(epoch);
}

Forks::Sides Forks::sides_of(const EpochRecord& record) {
    std::map<std::uint32_t, protocol::Digest> digests;
    std::set<std::uint32_t> on_several;
    for (const Witness& witness : record.witnesses) {
        const protocol::Digest& digest = record.claims[witness.claim].digest;
        const auto [place, is_new] = digests.try_emplace(witness.node, digest);
        if (!is_new && place->second != digest) on_several.insert(witness.node);
    }
    std::map<protocol::Digest, std::size_t> numbers;
    Sides sides;
    for (const auto& [node, digest] : digests) {
        if (on_several.contains(node)) continue;
        sides.emplace(node, numbers.try_emplace(digest, numbers.size()).first->second);
    }
    return sides;
}

/// Of different digests; a node that only adopted one was in no round.
bool Forks::has_disjoint_rosters(const EpochRecord& record) const {
    std::map<std::string, protocol::Digest> rounds;
    for (const Claim& claim : record.claims) {
        if (claim.adopted()) continue;
        for (const std::string& member : m_network.rosters[claim.roster]) {
            const auto [place, is_new] = rounds.try_emplace(member, claim.digest);
            if (!is_new && place->second != claim.digest) return false;
        }
    }
    return true;
}

/// Whether nodes of different sides have one reference here.
bool Forks::is_reunion(const Sides& sides, const EpochRecord& record) const {
    std::map<protocol::Digest, std::size_t> side_of;
    for (const Witness& witness : record.witnesses) {
        const auto side = sides.find(witness.node);
        if (side == sides.end()) continue;
        const protocol::Digest& here = record.claims[witness.claim].digest;
        const auto [place, is_new] = side_of.try_emplace(here, side->second);
        if (!is_new && place->second != side->second) return true;
    }
    return false;
}

bool Forks::seen_between_reunions(std::uint64_t epoch, const Sides& sides) const {
    const auto& epochs = m_network.epochs;
    const auto here = epochs.find(epoch);
    const auto after = m_signs.lower_bound(epoch);
    if (after != m_signs.end()) {
        auto at = std::next(here);
        while (at != epochs.end() && at->first <= *after && !is_reunion(sides, at->second)) ++at;
        if (at == epochs.end() || at->first > *after) return true;
    }
    if (after == m_signs.begin()) return false;
    const std::uint64_t before = *std::prev(after);
    for (auto at = here; at != epochs.begin();) {
        --at;
        if (at->first < before) return true;
        if (is_reunion(sides, at->second)) return false;
    }
    return true;
}

bool Forks::explain(std::uint64_t epoch, const EpochRecord& record) {
    if (m_signs.empty() || !has_disjoint_rosters(record)) return false;
    // A long fork has the same nodes on its sides for many epochs.
    Sides sides = sides_of(record);
    const bool goes_on = m_last && m_last->epoch + 1 == epoch && m_last->sides == sides;
    const bool explained = goes_on ? m_last->explained : seen_between_reunions(epoch, sides);
    m_last = Last{std::move(sides), epoch, explained};
    return explained;
}

}  // namespace dynavg::audit
