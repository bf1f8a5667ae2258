#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "control/checks.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "peer/node.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// The node that checks, as it shows itself to others.
struct Checker {
    std::shared_ptr<const Keys> keys;  ///< Null: a network without keys.
    protocol::PeerId self;
    bool ipv6 = false;
    /// Is this key let in here? Not asked in a network without keys.
    std::function<bool(const protocol::PeerId&)> trusts;
    std::function<peer::Frame()> probe;  ///< The question to a peer (Node::probe()).
};

/// Tries addresses of peers in both directions, for `dynavg doctor`: which program stands there and
/// with which key, whether it lets this node in, which of its settings differ, how far its clock is
/// off, and how its own dial to this node ends. Connections of its own that end with the check; no
/// peer becomes a member by it, and neither does this node.
///
/// Thread: the loop's. At most kChecksAtOnce side by side, each within kPeerCheckMax. The
/// destructor ends the checks under way, and `on_done` is not called then.
class PeerChecks {
public:
    static constexpr std::size_t kChecksAtOnce = 16;
    static constexpr std::chrono::seconds kPeerCheckMax{17};

    /// `on_done` is called once, from the loop, with one check for each seed in its order.
    PeerChecks(boost::asio::io_context& loop, ZmqContextPointer context, Checker checker,
               std::vector<discovery::Seed> seeds,
               std::function<void(std::vector<control::PeerCheck>)> on_done);
    ~PeerChecks();
    PeerChecks(const PeerChecks&) = delete;
    PeerChecks& operator=(const PeerChecks&) = delete;

private:
    struct Parts;
    std::shared_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
