#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/transport/zmq_sockets.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

using peer::Knock;

/// Decides, for every connection that comes in to a socket with keys, whether it may stay (ZAP,
/// ZeroMQ RFC 27). CURVE has proven by then that the other end has the secret half of its key.
/// A connection that it admits is known by the name that `admit` returns (user_of() of each
/// message); an empty name turns it away. Every message about a connection that is none of ours is
/// turned away too. Must be started before any socket with keys is bound and outlive none of them:
/// once it is gone, nobody is let in.
///
/// Thread: the loop's, for everything. Cost: one call of `admit` per new connection.
class ZapHandler {
public:
    using Admit = std::function<std::string(const Knock&)>;

    ZapHandler(boost::asio::io_context& loop, ZmqContextPointer context, Admit admit);
    ~ZapHandler();
    ZapHandler(const ZapHandler&) = delete;
    ZapHandler& operator=(const ZapHandler&) = delete;

    /// Fails only if the context has a handler already.
    [[nodiscard]] Expected<void, Error> start();
    /// Idempotent, right after half a start.
    void stop();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
