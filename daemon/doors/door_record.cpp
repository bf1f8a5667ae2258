#include "daemon/doors/door_record.hpp"

#include <utility>

#include <zmq.h>

namespace dynavg::daemon {

namespace {

constexpr DoorEvent kNoGreeting{ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED};

bool is_silence(const DoorEvent& failure) {
    return failure.kind == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
}

std::string reason_of(const DoorEvent& failure) {
    if (is_silence(failure)) return "it did not identify itself in time, or at all";
    switch (failure.value) {
        case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            return "it comes without a key, where this node wants one, or the other way round "
                   "(security.insecure differs)";
        case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
            return "it takes this node for one with another key: its entry in node.peers for this "
                   "node may be out of date (`dynavg id` here prints the right one)";
        default:
            return "it does not speak ZeroMQ's protocol";
    }
}

}  // namespace

std::optional<Stranger> DoorRecord::take(const DoorEvent& event) {
    switch (event.kind) {
        case ZMQ_EVENT_ACCEPTED:
            m_guests[event.value] = {};
            return {};
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            // Of two for one connection the first says more.
            if (!m_failure) m_failure = event;
            return {};
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            for (auto& [descriptor, guest] : m_guests) guest.may_have_key = true;
            return {};
        case ZMQ_EVENT_DISCONNECTED:
            return on_end(event.value);
        default:
            return {};
    }
}

std::optional<Stranger> DoorRecord::on_end(int descriptor) {
    const auto failure = std::exchange(m_failure, std::nullopt);
    const auto node = m_guests.extract(descriptor);
    const Guest guest = node.empty() ? Guest() : node.mapped();
    if (!failure && (node.empty() || guest.may_have_key)) return {};
    Stranger stranger{
        m_door, {}, reason_of(failure.value_or(kNoGreeting)), failure && is_silence(*failure)};
    if (guest.is == Address::certain) stranger.address = guest.address;
    return stranger;
}

bool DoorRecord::ask_addresses() {
    bool any = false;
    for (auto& [descriptor, guest] : m_guests) {
        if (guest.is != Address::unknown) continue;
        guest.is = Address::asked;
        guest.address = m_address_of(descriptor);
        any = true;
    }
    return any;
}

void DoorRecord::trust_addresses() {
    for (auto& [descriptor, guest] : m_guests) {
        if (guest.is == Address::asked) guest.is = Address::certain;
    }
}

}  // namespace dynavg::daemon
