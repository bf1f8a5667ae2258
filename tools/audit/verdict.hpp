#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/audit/record.hpp"

namespace dynavg::audit {

/// First and last, both included.
struct EpochRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const EpochRange&) const = default;
};

enum class DisputeKind : std::uint8_t {
    digest,        ///< Different references of one epoch.
    participants,  ///< One reference, different rosters.
    threshold      ///< One round, different thresholds.
};

/// Nodes that say the same.
struct Side {
    protocol::Digest digest;
    std::optional<std::vector<std::string>> participants{};  ///< Names; adoptions do not tell them.
    std::optional<double> threshold{};
    std::vector<std::string> nodes{};
};

struct Dispute {
    std::uint64_t epoch = 0;
    DisputeKind kind = DisputeKind::digest;
    std::vector<Side> sides;
};

struct NodeVerdict {
    NodeRecord record;
    EpochRange epochs;  ///< Of its rounds and adoptions.
    /// Epochs that its record lacks, though it was neither behind nor in a merge: lines are
    /// missing.
    std::vector<EpochRange> gaps;
};

struct MissingPeer {
    std::string peer;  ///< Name and fingerprint.
    std::uint64_t rounds = 0;
    std::vector<EpochRange> epochs;
};

struct NetworkVerdict {
    std::string name;
    std::vector<NodeVerdict> nodes;  ///< By name; those alone that told of a reference.
    EpochRange epochs;
    std::uint64_t references = 0;  ///< Epochs that anybody told of.
    std::uint64_t compared = 0;    ///< Of these, told by two nodes or more.
    std::uint64_t rounds = 0;      ///< Different ones.
    std::vector<Dispute> disputes;
    std::vector<EpochRange> forks;  ///< Where parted networks went their own ways, by right.
    std::uint64_t merges = 0;
    std::vector<MissingPeer> missing;
    std::vector<std::string> without_log;  ///< Participants, of whom no log was read.

    /// Nothing was compared and nothing is in dispute.
    [[nodiscard]] bool is_empty() const { return compared == 0 && disputes.empty(); }
    [[nodiscard]] bool agreed() const { return compared > 0 && disputes.empty(); }
};

/// Whether all agreed on every epoch, and what else the logs show.
///
/// References of one epoch that differ are no dispute but a fork, if no peer was in the rounds of
/// both, and a node noticed the fork (fork_detected or merged) while it lasted: after the last
/// epoch that peers of both sides had in common before, and before the first one after.
[[nodiscard]] NetworkVerdict judge(const std::string& name, const NetworkRecord& network);

/// Of ascending numbers.
[[nodiscard]] std::vector<EpochRange> ranges_of(const std::set<std::uint64_t>& numbers);

/// Name and fingerprint, or the fingerprint alone.
[[nodiscard]] std::string name_of(const NetworkRecord& network, const std::string& fingerprint);

}  // namespace dynavg::audit
