#pragma once

#include <functional>
#include <memory>
#include <string>

#include "discovery/actions.hpp"
#include "protocol/wire/messages.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// Finds out which program stands at an address, and whether it has a key: a TCP connection, ZMTP's
/// greeting and, where a key is expected, the first two words of CurveZMQ
/// (identity/curve_hello.hpp). Asks neither to be let in nor for anything else, and leaves no
/// connection. `expected`: nothing in a network without keys.
///
/// `on_done` is called once, from the loop, within kDoorCheckTimeout; never from within check().
/// Thread: the loop's. Bytes of the other end do no harm.
inline constexpr std::chrono::seconds kDoorCheckTimeout{3};
void check_door(boost::asio::io_context& loop, const std::string& address,
                const discovery::ProvenPeer& expected,
                std::function<void(protocol::Reach)> on_done);

/// Checks the three doors of a node side by side; a door without an address is not tried.
void check_doors(boost::asio::io_context& loop, const protocol::Endpoints& endpoints,
                 const discovery::ProvenPeer& expected,
                 std::function<void(protocol::Reached)> on_done);

}  // namespace dynavg::daemon
