// The place in our sources is of no use to who reads the log.
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "daemon/outputs/journal.hpp"

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "daemon/threads/thread_name.hpp"

namespace dynavg::daemon {

namespace {
constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
}

bool is_journal_stream(int fd) {
    const char* const named = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (named == nullptr || fstat(fd, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == named;
}

bool has_journal() {
    return access(kJournalSocket, F_OK) == 0;
}

struct JournalWriter::State {
    explicit State(Send sender) : send(std::move(sender)) {}

    struct Entry {
        JournalFields fields;
        std::int64_t lines;
        Kind kind;
    };

    /// With the lock held.
    void lose(std::int64_t lines, Kind kind) {
        lost += lines;
        if (kind == Kind::line) ++lost_ever;
    }

    const Send send;
    std::mutex mutex;  ///< Guards all below.
    std::condition_variable changed;
    std::deque<Entry> queue;
    std::int64_t lost = 0;
    std::uint64_t lost_ever = 0;
    bool stopping = false;
    bool finished = false;
};

JournalWriter::JournalWriter(Send send) : m_state(std::make_shared<State>(std::move(send))) {
    // Signals are for the threads that expect them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([state = m_state] { run(state); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

JournalWriter::~JournalWriter() {
    std::unique_lock lock(m_state->mutex);
    m_state->stopping = true;
    m_state->changed.notify_all();
    m_state->changed.wait_for(lock, journal_limits::kDrainMax,
                              [this] { return m_state->finished; });
    m_state->queue.clear();
}

void JournalWriter::push(JournalFields fields, std::int64_t lines, Kind kind) {
    const std::lock_guard lock(m_state->mutex);
    if (m_state->queue.size() >= journal_limits::kQueueMax) {
        m_state->lose(lines, kind);
        return;
    }
    m_state->queue.push_back({std::move(fields), lines, kind});
    m_state->changed.notify_all();
}

std::int64_t JournalWriter::take_lost() {
    const std::lock_guard lock(m_state->mutex);
    return std::exchange(m_state->lost, 0);
}

std::uint64_t JournalWriter::lost_ever() const {
    const std::lock_guard lock(m_state->mutex);
    return m_state->lost_ever;
}

void JournalWriter::run(const std::shared_ptr<State>& state) {
    name_this_thread("log");
    std::unique_lock lock(state->mutex);
    while (true) {
        state->changed.wait(lock, [&] { return state->stopping || !state->queue.empty(); });
        if (state->queue.empty()) break;
        const State::Entry entry = std::move(state->queue.front());
        state->queue.pop_front();
        lock.unlock();
        const bool taken = state->send(entry.fields);
        lock.lock();
        if (!taken) state->lose(entry.lines, entry.kind);
    }
    state->finished = true;
    state->changed.notify_all();
}

bool JournalWriter::send_to_journald(const JournalFields& fields) {
    // Without its socket libsystemd drops entries in silence.
    if (!has_journal()) return false;
    std::vector<iovec> pieces;
    pieces.reserve(fields.size());
    for (const std::string& field : fields) {
        // libsystemd only reads from there.
        pieces.push_back({const_cast<char*>(field.data()), field.size()});
    }
    return sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size())) == 0;
}

}  // namespace dynavg::daemon
