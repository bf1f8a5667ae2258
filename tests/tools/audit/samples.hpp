#pragma once

#include <string>
#include <vector>

#include "tools/audit/entry.hpp"
#include "tools/audit/record.hpp"

namespace dynavg::audit {

using Names = std::vector<std::string>;

/// A reference by a number.
inline protocol::Digest digest(std::uint64_t number) {
    return {0xabcd, number};
}

/// A node's fingerprint is its name and "-id".
inline std::string id_of(const std::string& node) {
    return node + "-id";
}

inline Entry entry(EntryKind kind, const std::string& node, std::uint64_t epoch) {
    Entry made;
    made.kind = kind;
    made.node = node;
    made.network = "net";
    made.epoch = epoch;
    return made;
}

inline Entry committed(const std::string& node, std::uint64_t epoch, std::uint64_t reference,
                       const Names& participants) {
    Entry made = entry(EntryKind::committed, node, epoch);
    made.peer_id = id_of(node);
    made.digest = digest(reference);
    made.reason = "crossing";
    for (const std::string& name : participants) made.participants.push_back(id_of(name));
    made.threshold = 5;
    made.bytes_sent = 1000;
    made.bytes_received = 900;
    made.bytes_monitoring = 10;
    made.duration_ms = 20;
    return made;
}

inline Entry adopted(const std::string& node, std::uint64_t epoch, std::uint64_t reference) {
    Entry made = entry(EntryKind::adopted, node, epoch);
    made.digest = digest(reference);
    return made;
}

/// Noticed at `node`, where this reference of this epoch is in force.
inline Entry fork_at(const std::string& node, std::uint64_t epoch, std::uint64_t reference) {
    Entry made = entry(EntryKind::fork_detected, node, epoch);
    made.from_reference = digest(reference);
    return made;
}

/// A round of all participants, told by each.
inline void add_round(Record& record, std::uint64_t epoch, std::uint64_t reference,
                      const Names& participants) {
    for (const std::string& node : participants) {
        record.add(committed(node, epoch, reference, participants));
    }
}

}  // namespace dynavg::audit
