#pragma once

#include <string>

#include "control/replies.hpp"
#include "peer/node.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// Fills in the rules' part: reference, roster, estimate, round, peers.
void describe(const peer::Node& node, protocol::Instant now, control::StatusReply& status);

/// For `systemctl status`: one line with peers, epoch, and the drift against its threshold.
[[nodiscard]] std::string status_line(const control::StatusReply& status);

/// All peers that have joined.
[[nodiscard]] control::PeersReply peers_reply(const peer::Node& node, protocol::Instant now);

}  // namespace dynavg::daemon
