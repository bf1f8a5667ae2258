#pragma once

#include "config/config.hpp"
#include "control/checks.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::doctor {

/// Tries the configured peers as this node itself, while its daemon is stopped: with its key, at
/// its ports, by its trust list. It says hello to nobody, answers nobody who does, and so never
/// counts as a member; its ports are free again when this returns.
/// `fields`: those that the daemon would compare with others. Fails if the ports cannot be bound or
/// the key cannot be read. Blocks for up to PeerChecks::kPeerCheckMax for every 16 peers.
[[nodiscard]] Expected<control::PeerChecksReply, Error> check_as_lone_node(
    const config::Config& config, const protocol::NetworkFields& fields);

}  // namespace dynavg::doctor
