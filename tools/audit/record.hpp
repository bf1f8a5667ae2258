#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/audit/entry.hpp"

namespace dynavg::audit {

/// A claim of nodes about the reference of one epoch; two that say the same make one claim.
struct Claim {
    static constexpr std::uint32_t kAdopted = UINT32_MAX;

    protocol::Digest digest;
    std::uint32_t roster = kAdopted;  ///< Index in NetworkRecord::rosters; adoptions tell none.
    double threshold = 0;             ///< Not a number if it is not told.
    bool merge = false;               ///< Each side of it had a threshold of its own.

    [[nodiscard]] bool adopted() const { return roster == kAdopted; }
};

struct Witness {
    std::uint32_t node = 0;   ///< Index in NetworkRecord::nodes.
    std::uint32_t claim = 0;  ///< Index in EpochRecord::claims.
    auto operator<=>(const Witness&) const = default;
};

struct EpochRecord {
    std::vector<Claim> claims;
    std::vector<Witness> witnesses;  ///< Each once.
};

struct NodeRecord {
    std::string name;
    std::set<std::string>
        peer_ids;  ///< Fingerprints; more than one only if two nodes share a name.
    std::uint64_t starts = 0;
    std::uint64_t rounds = 0;
    std::uint64_t adoptions = 0;
    std::uint64_t bytes_sent = 0;      ///< Averaging.
    std::uint64_t bytes_received = 0;  ///< Averaging.
    std::uint64_t bytes_monitoring = 0;
    std::uint64_t duration_ms = 0;  ///< Of all its rounds.
    std::uint64_t lines_lost = 0;
};

/// A sign that references had no common past: this digest was in force at one end.
struct ForkSign {
    std::uint64_t epoch = 0;  ///< Of that end, as far as the event tells it.
    protocol::Digest digest;
    bool merged = false;
    auto operator<=>(const ForkSign&) const = default;
};

struct NetworkRecord {
    std::vector<NodeRecord> nodes;
    std::map<std::string, std::uint32_t> node_of;  ///< By name.
    std::map<std::uint64_t, EpochRecord> epochs;
    std::vector<std::vector<std::string>> rosters;  ///< Fingerprints, sorted.
    std::map<std::vector<std::string>, std::uint32_t> roster_of;
    std::set<ForkSign> forks;
    std::map<std::string, std::string> names;                ///< By fingerprint.
    std::map<std::string, std::set<std::uint64_t>> missing;  ///< Rounds, by fingerprint.
};

/// Gathers what logs say, in any order; a line that comes twice counts once. Memory grows with
/// epochs times nodes, not with lines.
class Record {
public:
    void add(const Entry& entry);

    /// By name.
    [[nodiscard]] const std::map<std::string, NetworkRecord>& networks() const {
        return m_networks;
    }

private:
    std::map<std::string, NetworkRecord> m_networks;
};

}  // namespace dynavg::audit
