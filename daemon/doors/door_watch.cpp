#include "daemon/doors/door_watch.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <list>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zmq.hpp>

#include "daemon/app/clock.hpp"
#include "daemon/doors/door_record.hpp"
#include "daemon/threads/thread_name.hpp"
#include "daemon/transport/zmq_channel.hpp"
#include "discovery/refusal_log.hpp"

namespace dynavg::daemon {

namespace {

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_MONITOR_STOPPED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED;

std::string peer_address(int descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (address.ss_family == AF_INET) {
        bytes = &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
    } else if (address.ss_family == AF_INET6) {
        bytes = &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
    } else {
        return {};
    }
    if (inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr) return {};
    return text.data();
}

/// The first frame of a monitor's message: 16 bits, then 32, in the machine's order.
std::optional<DoorEvent> event_of(const zmq::message_t& frame) {
    std::uint16_t kind = 0;
    std::int32_t value = 0;
    if (frame.size() != sizeof kind + sizeof value) return {};
    const auto* const bytes = static_cast<const std::byte*>(frame.data());
    std::memcpy(&kind, bytes, sizeof kind);
    std::memcpy(&value, bytes + sizeof kind, sizeof value);
    return DoorEvent{kind, value};
}

/// A stranger that alternates between doors or ways to fail is told once for each.
std::string subject_of(const Stranger& stranger) {
    return fmt::format("{} {} {}", stranger.address, name_of(stranger.door), stranger.reason);
}

struct WatchedDoor {
    WatchedDoor(zmq::context_t& context, Door door)
        : monitor(context, zmq::socket_type::pair), record(door, peer_address) {}

    Channel monitor;
    DoorRecord record;
};

}  // namespace

struct DoorWatch::Parts {
    ZmqContextPointer context;
    OnStranger on_stranger;
    std::atomic<unsigned> watched = 0;
    boost::asio::io_context loop{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        loop.get_executor()};
    /// Opens the loop's descriptors here, where a lack of them is an exception of the start; the
    /// thread would be the first to need them, and nobody catches there.
    boost::asio::steady_timer opens_descriptors{loop};
    std::list<WatchedDoor> doors{};  ///< The thread's, as the next ones.
    discovery::RefusalLog told{};
    bool ending = false;
    std::thread thread{};

    void begin(std::list<WatchedDoor> door);
    void end_if_unused();
    void on_events(std::list<WatchedDoor>::iterator door);
    [[nodiscard]] bool take_events(WatchedDoor& door);
};

/// False once the socket has closed.
bool DoorWatch::Parts::take_events(WatchedDoor& door) {
    constexpr std::size_t kFrames = 2;  // The event, the address that is listened at.
    std::vector<zmq::message_t> frames;
    while (receive_message(door.monitor.socket, kFrames, frames) == Received::message) {
        const auto event = event_of(frames[0]);
        if (!event) continue;
        if (event->kind == ZMQ_EVENT_MONITOR_STOPPED) return false;
        const auto stranger = door.record.take(*event);
        if (stranger && told.worth_a_line(subject_of(*stranger), {}, now())) {
            on_stranger(*stranger);
        }
    }
    return true;
}

void DoorWatch::Parts::on_events(std::list<WatchedDoor>::iterator door) {
    while (take_events(*door)) {
        if (!door->record.ask_addresses()) return;
        if (!take_events(*door)) break;
        door->record.trust_addresses();
    }
    doors.erase(door);
    end_if_unused();
}

void DoorWatch::Parts::end_if_unused() {
    if (ending && doors.empty()) work.reset();
}

void DoorWatch::Parts::begin(std::list<WatchedDoor> door) {
    doors.splice(doors.end(), door);
    const auto added = std::prev(doors.end());
    added->monitor.watch(loop, [this, added] { on_events(added); });
}

DoorWatch::DoorWatch(ZmqContextPointer context, OnStranger on_stranger)
    : m_parts(std::make_unique<Parts>(std::move(context), std::move(on_stranger))) {
    m_parts->thread = std::thread([parts = m_parts.get()] {
        name_this_thread("doors");
        parts->loop.run();
    });
}

DoorWatch::~DoorWatch() {
    // The end of a monitor waits for its reader: so this reads until all have ended.
    boost::asio::post(m_parts->loop, [parts = m_parts.get()] {
        parts->ending = true;
        parts->end_if_unused();
    });
    m_parts->thread.join();
}

Expected<void, Error> DoorWatch::watch(zmq::socket_t& listening, Door door) {
    const std::string endpoint = fmt::format("inproc://dynavg.door.{}", m_parts->watched++);
    std::list<WatchedDoor> added;
    added.emplace_back(*m_parts->context, door);
    if (zmq_socket_monitor(listening.handle(), endpoint.c_str(), kEvents) != 0) {
        return fail(fmt::format("cannot watch who connects to the {} port: {}", name_of(door),
                                std::strerror(errno)));
    }
    added.front().monitor.socket.connect(endpoint);
    boost::asio::post(m_parts->loop, [parts = m_parts.get(), added = std::move(added)]() mutable {
        parts->begin(std::move(added));
    });
    return {};
}

protocol::Event told(const Stranger& stranger) {
    const auto level = stranger.may_be_harmless ? protocol::Level::info : protocol::Level::warning;
    const bool known = !stranger.address.empty();
    return protocol::Event(
               "connection_refused", level,
               fmt::format("A connection from {} to the {} port was closed: {}.",
                           known ? stranger.address : "an unknown address, gone at once,",
                           name_of(stranger.door), stranger.reason))
        .with("address", known ? stranger.address : "unknown")
        .with("port", std::string(name_of(stranger.door)))
        .with("reason", stranger.reason);
}

}  // namespace dynavg::daemon
