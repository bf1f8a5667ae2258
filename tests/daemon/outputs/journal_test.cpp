#include "daemon/outputs/journal.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/outputs/event_ids.hpp"
#include "daemon/outputs/log.hpp"
#include "daemon/outputs/log_format.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using protocol::Event;
using protocol::Level;

namespace {

/// The entries that a journal took; it can be made to refuse, or to hang.
class FakeJournal {
public:
    enum class Mood { takes, refuses, hangs };

    [[nodiscard]] JournalWriter::Send sender() {
        return [state = m_state](const JournalFields& fields) {
            std::unique_lock lock(state->mutex);
            ++state->calls;
            state->changed.notify_all();
            state->changed.wait(lock, [&] { return state->mood != Mood::hangs; });
            if (state->mood == Mood::refuses) return false;
            state->entries.push_back(fields);
            return true;
        };
    }
    void become(Mood mood) {
        const std::lock_guard lock(m_state->mutex);
        m_state->mood = mood;
        m_state->changed.notify_all();
    }
    void await_calls(std::size_t calls) {
        std::unique_lock lock(m_state->mutex);
        m_state->changed.wait(lock, [&] { return m_state->calls >= calls; });
    }
    [[nodiscard]] std::vector<JournalFields> entries() const {
        const std::lock_guard lock(m_state->mutex);
        return m_state->entries;
    }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        Mood mood = Mood::takes;
        std::size_t calls = 0;
        std::vector<JournalFields> entries;
    };
    /// Outlives this: a writer may leave a thread behind.
    std::shared_ptr<State> m_state = std::make_shared<State>();
};

LogOptions options_for(FakeJournal& journal) {
    LogOptions options;
    options.format = LogFormat::journal;
    options.node = "node-a";
    options.network = "field-robots";
    options.send_to_journal = journal.sender();
    return options;
}

bool has(const JournalFields& fields, const std::string& field) {
    return std::find(fields.begin(), fields.end(), field) != fields.end();
}

Event numbered(int number) {
    return Event("evaluated", Level::info, "m").with("samples", number);
}

}  // namespace

TEST_CASE("an entry of the journal has a field for all that a line says", "[journal]") {
    const Event event = Event("round_committed", Level::warning, "Two of three.")
                            .with("round", std::string("4-9f3a01c2"))
                            .with("participants", std::vector<std::string>{"aa", "bb"})
                            .with("suspects", std::vector<std::string>{})
                            .with("estimate", 5.25)
                            .with("bytes_sent", 17);
    const LogLine line{{}, "node-a", "net", {protocol::Epoch(3), protocol::StepIndex(40)}, event};
    CHECK(format_journal(line) == JournalFields{
                                      "MESSAGE=Two of three.",
                                      "PRIORITY=4",
                                      "DYNAVG_EVENT=round_committed",
                                      "DYNAVG_LEVEL=warning",
                                      "MESSAGE_ID=" + std::string(message_id_of(event.name)),
                                      "DYNAVG_NODE=node-a",
                                      "DYNAVG_NETWORK=net",
                                      "DYNAVG_EPOCH=3",
                                      "DYNAVG_STEP=40",
                                      "DYNAVG_ROUND=4-9f3a01c2",
                                      "DYNAVG_PARTICIPANTS=aa",
                                      "DYNAVG_PARTICIPANTS=bb",
                                      "DYNAVG_ESTIMATE=5.25",
                                      "DYNAVG_BYTES_SENT=17",
                                  });
}

TEST_CASE("one value finds all that is said of a peer", "[journal]") {
    const auto peers_of = [](const std::string& peer) {
        const Event event = Event("peer_joined", Level::info, "m").with("peer", peer);
        JournalFields fields = format_journal({{}, "", "", {}, event});
        std::erase_if(fields,
                      [](const std::string& field) { return !field.starts_with("DYNAVG_PEER="); });
        return fields;
    };
    CHECK(peers_of("node-b (9f3a01c2)") ==
          JournalFields{"DYNAVG_PEER=node-b (9f3a01c2)", "DYNAVG_PEER=9f3a01c2"});
    CHECK(peers_of("9f3a01c2") == JournalFields{"DYNAVG_PEER=9f3a01c2"});
    CHECK(peers_of("node-b (9f3a01xy)") == JournalFields{"DYNAVG_PEER=node-b (9f3a01xy)"});
    // A name cannot pass for another's digits.
    CHECK(peers_of("aaaaaaaa (bbbbbbbb) (9f3a01c2)") ==
          JournalFields{"DYNAVG_PEER=aaaaaaaa (bbbbbbbb) (9f3a01c2)", "DYNAVG_PEER=9f3a01c2"});
}

TEST_CASE("priorities are those of syslog", "[journal]") {
    const std::vector<std::pair<Level, std::string>> priorities = {
        {Level::debug, "7"}, {Level::info, "6"}, {Level::warning, "4"}, {Level::error, "3"}};
    for (const auto& [level, number] : priorities) {
        const Event event("started", level, "m");
        CHECK(has(format_journal({{}, "", "", {}, event}), "PRIORITY=" + number));
    }
}

TEST_CASE("text of peers in an entry can't steer a terminal or add a field", "[journal]") {
    const Event event = Event("peer_joined", Level::info, "x\x1b[2J\nPRIORITY=0")
                            .with("peer", std::string("a b\n\xff\x1b"))
                            .with("suspects", std::vector<std::string>{"\x1b"});
    const JournalFields fields = format_journal({{}, "", "", {}, event});
    CHECK(has(fields, "MESSAGE=x\\x1b[2J\\nPRIORITY=0"));
    CHECK(has(fields, "DYNAVG_PEER=a b\\n\\xff\\x1b"));
    CHECK(has(fields, "DYNAVG_SUSPECTS=\\x1b"));
}

TEST_CASE("the end of a log waits for its entries, which come in order", "[journal]") {
    FakeJournal journal;
    {
        Log log(options_for(journal));
        for (int i = 0; i < 100; ++i) log.write(numbered(i));
    }
    const auto entries = journal.entries();
    REQUIRE(entries.size() == 100);
    for (int i = 0; i < 100; ++i) {
        CHECK(has(entries[static_cast<std::size_t>(i)], fmt::format("DYNAVG_SAMPLES={}", i)));
    }
}

TEST_CASE("a journal that hangs loses entries, which are counted, and blocks no thread",
          "[journal]") {
    FakeJournal journal;
    constexpr int kTooMany = 50;
    {
        WallClock::time_point now;
        LogOptions options = options_for(journal);
        // Else the limit on lines is what this tests.
        options.now = [&now] { return now += log_limits::kWindow; };
        Log log(options);
        journal.become(FakeJournal::Mood::hangs);
        log.write(numbered(-1));
        journal.await_calls(1);
        for (int i = 0; i < static_cast<int>(journal_limits::kQueueMax) + kTooMany; ++i) {
            log.write(numbered(i));
        }
        journal.become(FakeJournal::Mood::takes);
        journal.await_calls(1 + journal_limits::kQueueMax);
        log.write(numbered(-2));
    }
    const auto entries = journal.entries();
    REQUIRE(entries.size() == 1 + journal_limits::kQueueMax + 2);
    const JournalFields& lost = entries[entries.size() - 2];
    CHECK(has(lost, "DYNAVG_EVENT=log_lines_lost"));
    CHECK(has(lost, fmt::format("DYNAVG_LINES={}", kTooMany)));
    CHECK(has(entries.back(), "DYNAVG_SAMPLES=-2"));
}

TEST_CASE("entries that the journal does not take are counted by the lines they stand for",
          "[journal]") {
    FakeJournal journal;
    journal.become(FakeJournal::Mood::refuses);
    JournalWriter writer(journal.sender());
    writer.push({"MESSAGE=a"});
    writer.push({"MESSAGE=tells of six lost lines"}, 6, JournalWriter::Kind::tells_of_loss);
    std::int64_t lost = 0;
    while (lost < 7) {
        lost += writer.take_lost();
        std::this_thread::yield();
    }
    CHECK(lost == 7);
    CHECK(writer.take_lost() == 0);
    // The six were counted when they were lost.
    CHECK(writer.lost_ever() == 1);
    CHECK(journal.entries().empty());
}

TEST_CASE("the end does not wait for ever for a journal that hangs", "[journal]") {
    FakeJournal journal;
    journal.become(FakeJournal::Mood::hangs);
    {
        Log log(options_for(journal));
        log.write(numbered(0));
        journal.await_calls(1);
        log.write(numbered(1));
    }
    CHECK(journal.entries().empty());
    journal.become(FakeJournal::Mood::takes);
}

TEST_CASE("standard error is the journal's if JOURNAL_STREAM names it", "[journal]") {
    struct stat status {};
    REQUIRE(fstat(STDERR_FILENO, &status) == 0);
    const std::string own = fmt::format("{}:{}", status.st_dev, status.st_ino);
    const std::string other = fmt::format("{}:{}", status.st_dev, status.st_ino + 1);
    setenv("JOURNAL_STREAM", own.c_str(), 1);
    CHECK(is_journal_stream(STDERR_FILENO));
    CHECK_FALSE(is_journal_stream(-1));
    setenv("JOURNAL_STREAM", other.c_str(), 1);
    CHECK_FALSE(is_journal_stream(STDERR_FILENO));
    CHECK(default_log_format() == LogFormat::text);
    unsetenv("JOURNAL_STREAM");
    CHECK_FALSE(is_journal_stream(STDERR_FILENO));
}
