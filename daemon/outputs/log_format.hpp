#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/outputs/log.hpp"

namespace dynavg::daemon {

/// The contents of a line.
struct LogLine {
    WallClock::time_point time;
    std::string_view node;
    std::string_view network;
    LogPosition position;
    const protocol::Event& event;
};

enum class Paint : std::uint8_t { plain, colored };

/// RFC 3339 in UTC, with milliseconds: 2026-01-02T03:04:05.678Z.
[[nodiscard]] std::string format_time(WallClock::time_point time);

/// One JSON object with the newline. Numbers that JSON does not have become the strings "nan",
/// "inf" and "-inf". A field of the event replaces one of the same name before it.
[[nodiscard]] std::string format_json(const LogLine& line);

/// "TIME LEVEL event  message  key=value ..." with the newline. Values with spaces are quoted.
[[nodiscard]] std::string format_text(const LogLine& line, Paint paint);

/// An entry of the journal, "KEY=value" each: MESSAGE, PRIORITY, MESSAGE_ID, and all that a line of
/// JSON has but the time, as DYNAVG_EVENT and so on. A list is one field for each of its items.
/// Texts are escaped as in format_text.
[[nodiscard]] std::vector<std::string> format_journal(const LogLine& line);

}  // namespace dynavg::daemon
