#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dynavg::daemon {

/// Whether systemd has connected this descriptor to the journal: JOURNAL_STREAM names its device
/// and inode. If not, the output was redirected, and lines are expected there.
[[nodiscard]] bool is_journal_stream(int fd);

/// Whether a journal takes entries on this machine now.
[[nodiscard]] bool has_journal();

/// One entry: "KEY=value" each. Values may hold any byte.
using JournalFields = std::vector<std::string>;

namespace journal_limits {
/// Entries that wait for a journal that does not read.
inline constexpr std::size_t kQueueMax = 1024;
/// How long the end of the program waits for them.
inline constexpr std::chrono::milliseconds kDrainMax{1000};
}  // namespace journal_limits

/// Hands entries to journald through libsystemd, from a thread of its own: sd_journal_sendv()
/// blocks while journald does not read, and nobody who logs may wait for that. Where the queue is
/// full or journald does not take an entry, it is lost and counted.
///
/// Thread-safe. Costs the caller a lock and a move.
class JournalWriter {
public:
    /// False: the entry was not taken. Called on the writer's thread; may block.
    using Send = std::function<bool(const JournalFields&)>;

    explicit JournalWriter(Send send = send_to_journald);
    /// Waits for queued entries, but not for ever: a thread that is stuck in a send is left behind.
    ~JournalWriter();
    JournalWriter(const JournalWriter&) = delete;
    JournalWriter& operator=(const JournalWriter&) = delete;

    /// The kind of an entry: lost_ever() does not count lines again that another entry told of.
    enum class Kind : std::uint8_t { line, tells_of_loss };

    /// `lines` is how many lines of the log are gone if this entry gets lost.
    void push(JournalFields fields, std::int64_t lines = 1, Kind kind = Kind::line);

    /// Lines lost since the last call.
    [[nodiscard]] std::int64_t take_lost();
    /// Lines lost in this life of the writer.
    [[nodiscard]] std::uint64_t lost_ever() const;

    [[nodiscard]] static bool send_to_journald(const JournalFields& fields);

private:
    struct State;
    static void run(const std::shared_ptr<State>& state);

    std::shared_ptr<State> m_state;
};

}  // namespace dynavg::daemon
