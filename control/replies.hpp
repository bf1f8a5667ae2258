#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "control/health.hpp"
#include "protocol/base/expected.hpp"

/// Questions of `dynavg` to a running daemon, and the answers: one JSON object a line each way over
/// a Unix socket. A request is {"verb": "status"}; an answer {"ok": true, ...} or
/// {"ok": false, "error": "..."}. Fields may be added; readers ignore what they do not know.
namespace dynavg::control {

inline constexpr std::size_t kRequestBytesMax = 64 * 1024;
inline constexpr std::size_t kReplyBytesMax = 16 * 1024 * 1024;
/// Arrays and objects within each other: a program that prints them needs stack for each.
inline constexpr std::size_t kNestingMax = 32;

/// The round that is open.
struct RoundStatus {
    std::uint32_t target = 0;  ///< Epoch.
    std::uint32_t attempt = 0;
    std::uint32_t participants = 0;
    std::uint64_t since_ms = 0;
    std::string reason;  ///< name_of(protocol::RoundReason).
    bool operator==(const RoundStatus&) const = default;
};

struct BytesStatus {
    std::uint64_t monitoring = 0;
    std::uint64_t averaging = 0;
    std::uint64_t overhead = 0;
    bool operator==(const BytesStatus&) const = default;
};

/// Answer to {"verb": "status"}. NaN and infinite numbers travel as null and arrive as none.
struct StatusReply {
    std::string node;
    std::string network;
    std::string peer_id;  ///< Fingerprint.
    std::string role;     ///< "member" or "observer".
    std::string version;
    std::int64_t pid = 0;
    double uptime_s = 0;
    std::string model;
    std::uint64_t parameters = 0;
    std::uint32_t epoch = 0;
    std::string digest;               ///< Of the reference, in hexadecimal.
    std::vector<std::string> roster;  ///< Of the last round: fingerprints.
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    double steps_per_second = 0;
    std::optional<double> estimate;  ///< None before the first state.
    std::optional<double> drift;     ///< Squared norm, of this peer's own.
    double threshold = 0;
    std::optional<double> threshold_to_come;  ///< Set here; in force from a later reference on.
    std::string monitor;
    std::string pace;
    std::optional<double> accuracy;  ///< Of the reference, when last evaluated.
    std::optional<double> loss;
    std::uint32_t peers_live = 0;
    std::uint32_t peers_known = 0;
    std::uint32_t observers = 0;  ///< Known, beside the peers.
    std::optional<RoundStatus> round;
    std::uint64_t rounds = 0;  ///< References that came into force, in this life.
    BytesStatus bytes;         ///< Sent, in this life.
    std::uint64_t exchange_bytes_per_second = 0;  ///< Models are sent no faster; 0: no bound.
    /// "running", "waiting-for-peers", "paused-for-round", "paused" (by a person), "done"; of an
    /// observer "following".
    std::string training;
    bool done = false;
    /// By which the live peers' clocks, by their median, are ahead of this machine's.
    std::optional<double> clock_skew_s{};
    std::vector<HealthFinding> health;  ///< The most pressing first; empty if all is well.
    bool operator==(const StatusReply&) const = default;
};

struct PeerStatus {
    std::string peer;  ///< Fingerprint.
    std::string name;
    std::string address;
    std::int32_t order = 0;
    std::string role;  ///< "member" or "observer".
    bool live = false;
    std::uint32_t epoch = 0;
    std::string digest;
    std::uint64_t steps = 0;
    double step_time_ms = 0;
    std::uint64_t last_heard_ms = 0;  ///< Ago.
    std::uint64_t suspicion_timeout_ms = 0;
    std::uint64_t heartbeat_gap_max_ms = 0;  ///< The longest silence between two heartbeats.
    std::optional<double> clock_offset_s{};  ///< Its wall clock less ours.
    bool operator==(const PeerStatus&) const = default;
};

/// Answer to {"verb": "peers"}.
struct PeersReply {
    std::vector<PeerStatus> peers;
    bool operator==(const PeersReply&) const = default;
};

/// Answer to {"verb": "reload"}: names of keys.
struct ReloadReply {
    std::vector<std::string> applied;
    std::vector<std::string> needs_restart;  ///< Differ from what the daemon runs with.
    bool operator==(const ReloadReply&) const = default;
};

[[nodiscard]] nlohmann::json request(std::string_view verb);
/// {"verb": "forget", "peer": name or fingerprint}
[[nodiscard]] nlohmann::json forget_request(std::string_view peer);
/// {"verb": "set", "key": "threshold" or "exchange-rate", "value": ...}
[[nodiscard]] nlohmann::json set_request(std::string_view key, double value);
[[nodiscard]] std::string setting_of(const nlohmann::json& request);
/// None if it is no number.
[[nodiscard]] std::optional<double> value_of(const nlohmann::json& request);
/// {"verb": "pause", "holds_others": also where all others would wait for this peer}
[[nodiscard]] nlohmann::json pause_request(bool holds_others);
[[nodiscard]] bool holds_others(const nlohmann::json& request);
/// The peer that forget_request() names; empty if it names none.
[[nodiscard]] std::string peer_of(const nlohmann::json& request);
/// {"verb": "trust" or "revoke", "key": 64 hexadecimal digits}
[[nodiscard]] nlohmann::json key_request(std::string_view verb, std::string_view key);
/// The key that key_request() names; empty if it names none.
[[nodiscard]] std::string key_of(const nlohmann::json& request);
/// {"ok": true}
[[nodiscard]] nlohmann::json done_reply();
/// {"ok": false, "error": ...}
[[nodiscard]] nlohmann::json error_reply(std::string message);
/// With "ok": true.
[[nodiscard]] nlohmann::json to_reply(const StatusReply& status);
[[nodiscard]] nlohmann::json to_reply(const PeersReply& peers);
[[nodiscard]] nlohmann::json to_reply(const ReloadReply& reload);
/// A missing field or a wrong type is an error, and so is an answer with "ok": false.
[[nodiscard]] Expected<StatusReply, Error> status_from(const nlohmann::json& reply);
[[nodiscard]] Expected<PeersReply, Error> peers_from(const nlohmann::json& reply);
[[nodiscard]] Expected<ReloadReply, Error> reload_from(const nlohmann::json& reply);
[[nodiscard]] Expected<void, Error> done_from(const nlohmann::json& reply);

/// The verb of a request; empty if it has none.
[[nodiscard]] std::string verb_of(const nlohmann::json& request);

/// A line for the socket: without line breaks inside, bytes that are no UTF-8 replaced, with the
/// newline.
[[nodiscard]] std::string to_line(const nlohmann::json& message);
/// None if it is no JSON object, or one that is nested deeper than kNestingMax.
[[nodiscard]] std::optional<nlohmann::json> from_line(std::string_view line);

}  // namespace dynavg::control
