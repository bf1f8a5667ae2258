#pragma once

#include <string>

#include "control/replies.hpp"
#include "discovery/node.hpp"
#include "protocol/instant.hpp"

namespace dynavg::daemon {

/// Fills in what the rules know: reference, roster, estimate, round, peers.
void describe(const discovery::Node& node, protocol::Instant now, control::StatusReply& status);

/// For `systemctl status`: one line with peers, epoch, and the drift against its threshold.
[[nodiscard]] std::string status_line(const control::StatusReply& status);

/// All peers that have joined.
[[nodiscard]] control::PeersReply peers_reply(const discovery::Node& node, protocol::Instant now);

}  // namespace dynavg::daemon
