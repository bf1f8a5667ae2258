#include "daemon/outputs/log.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "control/escape.hpp"
#include "daemon/outputs/log_format.hpp"

namespace dynavg::daemon {

namespace {

using protocol::Event;
using protocol::Level;

/// A write to a closed pipe must be an error, not the end of the process.
void ignore_broken_pipes() {
    struct sigaction current {};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
        std::signal(SIGPIPE, SIG_IGN);
    }
}

bool is_colored(const LogOptions& options) {
    if (options.format != LogFormat::text || options.colors == LogColors::never) return false;
    return options.colors == LogColors::always || isatty(options.fd) == 1;
}

/// Counts the lines of one event, about one peer where it names one.
struct Counter {
    WallClock::time_point since;
    Level level;
    int written = 0;
    std::int64_t suppressed = 0;
};

/// Whether `dynavg verify` reads this event: it tells of a reference that came into force here.
bool is_evidence(const Event& event) {
    return event.name == "round_committed" || event.name == "adopted" || event.name == "merged";
}

/// Of lines that are counted already.
bool tells_of_loss(const Event& event) {
    return event.name == "log_lines_lost";
}

}  // namespace

Expected<LogFormat, Error> log_format_from_name(std::string_view name) {
    if (name == "text") return LogFormat::text;
    if (name == "json") return LogFormat::json;
    if (name == "journal") return LogFormat::journal;
    return fail(fmt::format("unknown log format \"{}\"; allowed: text, json, journal",
                            control::escaped(name)));
}

LogFormat default_log_format() {
    return is_journal_stream(STDERR_FILENO) && has_journal() ? LogFormat::journal : LogFormat::text;
}

Expected<Level, Error> level_from_name(std::string_view name) {
    for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
        if (name == name_of(level)) return level;
    }
    return fail(fmt::format("unknown log level \"{}\"; allowed: debug, info, warning, error",
                            control::escaped(name)));
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "unknown";
}

struct Log::Impl {
    explicit Impl(LogOptions given)
        : options(std::move(given)), colored(is_colored(options)), level(options.level) {
        if (options.format == LogFormat::journal) journal.emplace(options.send_to_journal);
    }

    using CounterKey = std::pair<std::string, std::string>;  ///< Event, and peer or nothing.

    const LogOptions options;
    const bool colored;
    std::atomic<Level> level;
    std::mutex mutex;  ///< Guards all below.
    LogPosition position;
    std::map<CounterKey, Counter> counters;
    std::int64_t lines_lost = 0;
    LogCounts counts;
    bool within_line = false;              ///< The rest of a line was lost.
    std::optional<JournalWriter> journal;  ///< Of that format.

    /// False if the line is one too many of its kind.
    bool admit(const Event& event, WallClock::time_point now);
    void tell_suppressed(WallClock::time_point now, bool all);
    void print(const Event& event, WallClock::time_point now);
    void emit(const Event& event, WallClock::time_point now, std::int64_t stands_for = 1);
    [[nodiscard]] bool put(std::string_view line);
    [[nodiscard]] bool put_some(std::string_view& line) const;
};

bool Log::Impl::admit(const Event& event, WallClock::time_point now) {
    const auto* field = event.find("peer");
    const auto* peer = field == nullptr ? nullptr : std::get_if<std::string>(field);
    if (event.level == Level::error) return true;
    if (peer == nullptr && (event.level == Level::debug || is_evidence(event))) return true;

    CounterKey key{event.name, peer == nullptr ? std::string() : *peer};
    if (peer != nullptr && counters.size() >= log_limits::kCountersMax && !counters.contains(key)) {
        key.second = "others";
    }
    const Counter fresh{.since = now, .level = event.level};
    Counter& counter = counters.try_emplace(std::move(key), fresh).first->second;
    const int most = peer == nullptr ? log_limits::kLinesPerEventMax : log_limits::kLinesPerPeerMax;
    if (counter.written < most) {
        ++counter.written;
        return true;
    }
    ++counter.suppressed;
    ++counts.suppressed;
    return false;
}

void Log::Impl::tell_suppressed(WallClock::time_point now, bool all) {
    for (auto it = counters.begin(); it != counters.end();) {
        const Counter& counter = it->second;
        // A clock that was set back must not keep a peer silent for long.
        const bool over = now < counter.since || now - counter.since >= log_limits::kWindow;
        if (!over && !all) {
            ++it;
            continue;
        }
        const auto [key, done] = *it;
        it = counters.erase(it);
        if (done.suppressed == 0) continue;
        Event event("suppressed", done.level,
                    "The same was logged too often; further lines were left out.");
        event.with("of", key.first);
        if (!key.second.empty()) event.with("peer", key.second);
        print(event.with("lines", done.suppressed), now);
    }
}

void Log::Impl::print(const Event& event, WallClock::time_point now) {
    if (journal) lines_lost += journal->take_lost();
    if (lines_lost > 0) {
        Event lost("log_lines_lost", Level::warning,
                   "The log could not be written; lines are missing here.");
        // If that one does not get through either, it is not counted itself.
        const std::int64_t before = std::exchange(lines_lost, 0);
        emit(lost.with("lines", before), now, before);
    }
    emit(event, now);
}

/// `stands_for` lines are gone if this one is.
void Log::Impl::emit(const Event& event, WallClock::time_point now, std::int64_t stands_for) {
    const LogLine line{now, options.node, options.network, position, event};
    if (journal) {
        using Kind = JournalWriter::Kind;
        const Kind kind = tells_of_loss(event) ? Kind::tells_of_loss : Kind::line;
        return journal->push(format_journal(line), stands_for, kind);
    }
    const std::string text = options.format == LogFormat::json
                                 ? format_json(line)
                                 : format_text(line, colored ? Paint::colored : Paint::plain);
    if (put(text)) return;
    lines_lost += stands_for;
    if (!tells_of_loss(event)) ++counts.lost;
}

bool Log::Impl::put_some(std::string_view& line) const {
    // After a loss the reader is not waited for again until it has caught up.
    const auto patience = lines_lost > 0 ? 0 : log_limits::kStuckReaderMax.count();
    pollfd ready{.fd = options.fd, .events = POLLOUT, .revents = 0};
    const int polled = poll(&ready, 1, static_cast<int>(patience));
    if (polled < 0) return errno == EINTR;
    if (polled == 0) return false;
    // A pipe that is ready takes this much without blocking, and as one piece.
    const ssize_t written =
        ::write(options.fd, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
    if (written < 0) return errno == EINTR;
    line.remove_prefix(static_cast<std::size_t>(written));
    return written > 0;
}

bool Log::Impl::put(std::string_view line) {
    std::string_view newline = "\n";
    while (within_line && !newline.empty()) {
        if (!put_some(newline)) return false;
    }
    within_line = false;
    const std::size_t size = line.size();
    while (!line.empty()) {
        if (put_some(line)) continue;
        within_line = line.size() < size;
        return false;
    }
    return true;
}

Log::Log(LogOptions options) : m_impl(std::make_unique<Impl>(std::move(options))) {
    ignore_broken_pipes();
}

Log::~Log() {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->tell_suppressed(m_impl->options.now(), true);
}

void Log::set_position(LogPosition position) {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->position = position;
}

void Log::set_level(Level level) {
    m_impl->level = level;
}

void Log::write(const Event& event) {
    if (!is_enabled(event.level)) return;
    const std::lock_guard lock(m_impl->mutex);
    const WallClock::time_point now = m_impl->options.now();
    m_impl->tell_suppressed(now, false);
    if (m_impl->admit(event, now)) m_impl->print(event, now);
}

LogCounts Log::counts() const {
    const std::lock_guard lock(m_impl->mutex);
    LogCounts counts = m_impl->counts;
    if (m_impl->journal) counts.lost += m_impl->journal->lost_ever();
    return counts;
}

bool Log::is_enabled(Level level) const {
    return level >= m_impl->level;
}

}  // namespace dynavg::daemon
