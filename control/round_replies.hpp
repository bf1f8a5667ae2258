#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/expected.hpp"

/// The question of `dynavg rounds`, and the answer.
namespace dynavg::control {

/// So many rounds a daemon remembers, and tells if it is not asked for fewer.
inline constexpr std::size_t kRoundsKept = 256;

/// How one reference came about, as this node saw it.
struct RoundRecord {
    std::uint64_t at_ms = 0;  ///< Unix time.
    std::uint32_t epoch = 0;  ///< That the round led to.
    /// "committed", or "adopted": it went on without this node, which pulled the reference. Then
    /// all but `digest` is empty.
    std::string outcome;
    std::string digest;
    std::string round;   ///< As in the log.
    std::string reason;  ///< name_of(protocol::RoundReason).
    std::uint32_t attempts = 0;
    std::vector<std::string> participants;  ///< Fingerprints.
    std::uint32_t expected = 0;
    std::optional<double> estimate;  ///< None if infinite.
    std::optional<double> threshold;
    std::uint64_t steps = 0;  ///< Of all participants, since the reference before.
    std::uint64_t duration_ms = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_monitoring = 0;
    bool operator==(const RoundRecord&) const = default;
};

/// Answer to {"verb": "rounds"}: the newest ones, oldest first.
struct RoundsReply {
    std::vector<RoundRecord> rounds;
    bool operator==(const RoundsReply&) const = default;
};

/// {"verb": "rounds", "count": ...}
[[nodiscard]] nlohmann::json rounds_request(std::size_t count);
/// kRoundsKept if it says nothing that can be understood.
[[nodiscard]] std::size_t count_of(const nlohmann::json& request);
[[nodiscard]] nlohmann::json to_reply(const RoundsReply& rounds);
[[nodiscard]] Expected<RoundsReply, Error> rounds_from(const nlohmann::json& reply);

}  // namespace dynavg::control
