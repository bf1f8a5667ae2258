#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/transport/zmq_sockets.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::daemon {

/// A connection to one of this node's ports that did not get through ZeroMQ's handshake. The
/// ZapHandler names the connections that got as far as showing a key.
struct Stranger {
    Door door = Door::direct;
    std::string address;  ///< IP; empty if it was gone before it could be asked for.
    std::string reason;   ///< Why it failed, as the end of a sentence about it.
    /// A peer may fail so too, as it ends or on a bad link.
    bool may_be_harmless = false;

    bool operator==(const Stranger&) const = default;
};

/// For the log, as `connection_refused`.
[[nodiscard]] protocol::Event told(const Stranger& stranger);

/// Names strangers: watches the listening sockets of a context by ZeroMQ's socket monitors.
/// ZeroMQ's I/O thread blocks for ever if a monitor is not read. So this class has a thread of its
/// own, "doors", that does nothing else. The object must outlive the sockets: close_socket() ends
/// their monitors, and the destructor waits for that. It tells each stranger's address once for a
/// port and reason, then at most every ten minutes, and a bounded number in all
/// (discovery::RefusalLog).
/// Thread: watch() is called on the socket's thread, `on_stranger` on "doors".
class DoorWatch {
public:
    using OnStranger = std::function<void(const Stranger&)>;

    DoorWatch(ZmqContextPointer context, OnStranger on_stranger);
    ~DoorWatch();
    DoorWatch(const DoorWatch&) = delete;
    DoorWatch& operator=(const DoorWatch&) = delete;

    /// Before bind.
    [[nodiscard]] Expected<void, Error> watch(zmq::socket_t& listening, Door door);

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

/// Nothing where there is no watch.
[[nodiscard]] inline Expected<void, Error> watch_door(DoorWatch* doors, zmq::socket_t& listening,
                                                      Door door) {
    return doors == nullptr ? Expected<void, Error>() : doors->watch(listening, door);
}

}  // namespace dynavg::daemon
