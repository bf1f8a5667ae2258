#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.hpp"

namespace dynavg::audit {

enum class EntryKind : std::uint8_t {
    started,
    committed,
    adopted,
    fork_detected,
    merged,
    peer_joined,
    lines_lost
};

/// One event of a log, as far as an audit needs it. The kind decides which members are set.
struct Entry {
    EntryKind kind = EntryKind::started;
    std::string node;
    std::string network;
    std::uint64_t epoch = 0;
    std::string peer_id;  ///< This node's fingerprint, where the event tells it.
    std::string peer;     ///< Another's name and fingerprint.
    /// The reference that is in force after `committed` and `adopted`.
    protocol::Digest digest;
    std::string reason;
    std::vector<std::string> participants;  ///< Fingerprints, sorted.
    std::vector<std::string> missing;       ///< Names and fingerprints.
    std::optional<double> threshold;
    std::uint64_t bytes_sent = 0;      ///< Averaging.
    std::uint64_t bytes_received = 0;  ///< Averaging.
    std::uint64_t bytes_monitoring = 0;
    std::uint64_t duration_ms = 0;
    std::uint64_t lines = 0;  ///< How many were lost.
    protocol::Digest from_reference;
};

enum class LineKind : std::uint8_t {
    entry,    ///< One of those above.
    event,    ///< Another event of a dynavgd.
    foreign,  ///< An entry of the journal by another program.
    garbage   ///< Cut, damaged, or no log at all.
};

/// Reads one line: our JSON (docs/events.md), whatever stands before it, or an entry of
/// `journalctl -o json`, whose MESSAGE may hold our JSON. Sets `entry` only where that is the
/// answer. Never throws on what a line holds. Lines that are not needed cost a search; the others
/// some microseconds.
[[nodiscard]] LineKind read_line(std::string_view line, Entry& entry);

}  // namespace dynavg::audit
