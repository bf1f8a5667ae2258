#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/outputs/journal.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"

namespace dynavg::daemon {

enum class LogFormat : std::uint8_t { text, json, journal };
enum class LogColors : std::uint8_t { automatic, always, never };

/// "text", "json" or "journal"; other words are errors.
[[nodiscard]] Expected<LogFormat, Error> log_format_from_name(std::string_view name);
/// The default without --log-format: journal if systemd has connected standard error to the
/// journal, else text.
[[nodiscard]] LogFormat default_log_format();
/// "debug", "info", "warning" or "error".
[[nodiscard]] Expected<protocol::Level, Error> level_from_name(std::string_view name);
[[nodiscard]] std::string_view name_of(protocol::Level level);

/// Where a node stands, for its lines.
struct LogPosition {
    protocol::Epoch epoch;
    protocol::StepIndex step;
};

/// Bounds on the lines that peers can cause, below level error.
namespace log_limits {
inline constexpr int kLinesPerPeerMax = 5;  ///< Of one event with a field `peer`, per window.
/// Of any other event, per window; debug lines are asked for, and which references this node
/// installed must be told in full.
inline constexpr int kLinesPerEventMax = 200;
inline constexpr std::chrono::seconds kWindow{10};
/// Beyond this many pairs of event and peer in a window, all others share one count per event.
inline constexpr std::size_t kCountersMax = 256;
/// How long a reader of the log may be stuck before lines are dropped.
inline constexpr std::chrono::milliseconds kStuckReaderMax{50};
}  // namespace log_limits

/// Lines that the log has left out or lost since it was made.
struct LogCounts {
    std::uint64_t suppressed = 0;  ///< Lines that peers made too many of.
    std::uint64_t lost = 0;        ///< That could not be written.
};

using WallClock = std::chrono::system_clock;

struct LogOptions {
    LogFormat format = LogFormat::text;
    protocol::Level level = protocol::Level::info;  ///< The lowest that is written.
    LogColors colors = LogColors::automatic;        ///< text: automatic = if `fd` is a terminal.
    std::string node;
    std::string network;
    /// Borrowed. Standard error: that is what the journal captures, unbuffered and in order, and
    /// standard output stays free for data. Not used by LogFormat::journal.
    int fd = 2;
    JournalWriter::Send send_to_journal = JournalWriter::send_to_journald;
    std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
};

/// Writes events, one line or one entry of the journal each, in the formats of docs/events.md.
/// Texts of peers and files are escaped, so that they can neither forge lines nor steer a terminal.
///
/// Lines that peers can trigger are limited; an event `suppressed` tells how many were left out.
/// A full disk, a closed pipe, a stuck reader or a journal that is gone loses lines, never the
/// caller; how many is told by an event `log_lines_lost` once writing works again. For that, the
/// constructor makes the process ignore SIGPIPE unless it has a handler.
///
/// Thread-safe. A line of up to 4096 bytes is one write(2), so that lines of processes that share a
/// pipe stay whole. Throws only when out of memory.
class Log {
public:
    explicit Log(LogOptions options);
    ~Log();  ///< Tells the counts of lines still suppressed.
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// From now on lines hold this position.
    void set_position(LogPosition position);

    void write(const protocol::Event& event);

    /// Lines below it are left out from now on.
    void set_level(protocol::Level level);
    [[nodiscard]] LogCounts counts() const;

    /// For work that is only done for a line: building it.
    [[nodiscard]] bool is_enabled(protocol::Level level) const;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace dynavg::daemon
