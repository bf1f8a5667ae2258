#pragma once

#include <span>
#include <string_view>

namespace dynavg::daemon {

/// The journal's MESSAGE_ID of one kind of event: 128 bits in hexadecimal. Fixed for ever, because
/// people and programs select by it; an event that means something else gets another name.
struct EventId {
    std::string_view event;
    std::string_view id;
};

/// Of all events, sorted by name; docs/events.md lists them, a test compares it with the sources.
[[nodiscard]] std::span<const EventId> event_ids();

/// Empty for an event that has none.
[[nodiscard]] std::string_view message_id_of(std::string_view event);

}  // namespace dynavg::daemon
