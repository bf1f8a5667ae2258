#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "daemon/doors/door_watch.hpp"

namespace dynavg::daemon {

/// One event of a socket's monitor (zmq_socket_monitor).
struct DoorEvent {
    int kind = 0;   ///< ZMQ_EVENT_...
    int value = 0;  ///< A file descriptor, an errno, or a ZMQ_PROTOCOL_ERROR_...
};

/// Finds the strangers among the events at one door. ZeroMQ tells that a handshake failed without
/// naming the connection, and then that a descriptor is closed: for one connection these two events
/// come in a row. For bytes that are no greeting of its protocol it tells the end only. A
/// connection that is let in, or is refused by its key, may be any of those that wait: after that
/// none of them is blamed for an end without a failure.
/// The system tells the other end's address only while the connection is open, and its descriptor
/// goes to another connection soon after. ZeroMQ tells of the end before it closes, so an address
/// that was asked for is right if no end is told right after the question. Hence the order: take()
/// all events that wait, ask_addresses(), take() all that wait now, trust_addresses().
///
/// Pure but for `address_of`; one thread. Bounded by the descriptors there are.
class DoorRecord {
public:
    /// The other end's IP address; empty if it can't be told.
    using AddressOf = std::string (*)(int descriptor);

    DoorRecord(Door door, AddressOf address_of) : m_door(door), m_address_of(address_of) {}

    [[nodiscard]] std::optional<Stranger> take(const DoorEvent& event);
    /// False if no address had to be asked for.
    bool ask_addresses();
    void trust_addresses();

private:
    enum class Address : std::uint8_t { unknown, asked, certain };
    struct Guest {
        Address is = Address::unknown;
        std::string address;
        bool may_have_key = false;  ///< Some connection has shown a key since it came.
    };

    [[nodiscard]] std::optional<Stranger> on_end(int descriptor);

    Door m_door;
    AddressOf m_address_of;
    std::map<int, Guest> m_guests;  ///< By descriptor.
    std::optional<DoorEvent> m_failure;
};

}  // namespace dynavg::daemon
