#include "daemon/outputs/log.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/outputs/log_format.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using Catch::Matchers::Contains;
using protocol::Event;
using protocol::Level;

namespace {

/// 2026-01-02T03:04:05.678Z
const WallClock::time_point kTime{std::chrono::milliseconds(1767323045678)};

/// A pipe that holds what a log writes; small amounts only.
class Pipe {
public:
    Pipe() {
        REQUIRE(pipe(m_ends.data()) == 0);
        REQUIRE(fcntl(m_ends[0], F_SETFL, O_NONBLOCK) == 0);
    }
    ~Pipe() {
        close_reader();
        close(m_ends[1]);
    }
    [[nodiscard]] int fd() const { return m_ends[1]; }
    void close_reader() {
        if (m_ends[0] >= 0) close(m_ends[0]);
        m_ends[0] = -1;
    }
    std::string read_all() {
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t n = 0; (n = read(m_ends[0], buffer.data(), buffer.size())) > 0;) {
            text.append(buffer.data(), static_cast<std::size_t>(n));
        }
        return text;
    }
    std::vector<nlohmann::json> read_json() {
        std::vector<nlohmann::json> lines;
        std::istringstream stream(read_all());
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(nlohmann::json::parse(line));
        }
        return lines;
    }

private:
    std::array<int, 2> m_ends{-1, -1};
};

LogOptions options_for(const Pipe& pipe, LogFormat format = LogFormat::json) {
    LogOptions options;
    options.format = format;
    options.node = "node-a";
    options.network = "field-robots";
    options.fd = pipe.fd();
    options.now = [] { return kTime; };
    return options;
}

Event refused(const std::string& peer) {
    return Event("peer_refused", Level::warning, "Refused.").with("peer", peer);
}

std::string text_line(const Event& event) {
    return format_text(
        {kTime, "node-a", "net", {protocol::Epoch(3), protocol::StepIndex(40)}, event},
        Paint::plain);
}

}  // namespace

TEST_CASE("a line of JSON has the contract's fields in order", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    log.set_position({protocol::Epoch(12), protocol::StepIndex(345)});
    log.write(Event("crossing", Level::info, "The bound is above the threshold.")
                  .with("estimate", 5.25)
                  .with("states", 4)
                  .with("monitor", std::string("linear"))
                  .with("suspects", std::vector<std::string>{"a", "b"}));
    CHECK(pipe.read_all() ==
          R"({"time":"2026-01-02T03:04:05.678Z","level":"info","event":"crossing","node":"node-a",)"
          R"("network":"field-robots","epoch":12,"step":345,)"
          R"("message":"The bound is above the threshold.",)"
          R"("estimate":5.25,"states":4,"monitor":"linear","suspects":["a","b"]})"
          "\n");
}

TEST_CASE("numbers that JSON does not have become strings", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    const double infinity = std::numeric_limits<double>::infinity();
    log.write(Event("crossing", Level::info, "m")
                  .with("a", std::nan(""))
                  .with("b", infinity)
                  .with("c", -infinity));
    const auto line = pipe.read_json().at(0);
    CHECK(line["a"] == "nan");
    CHECK(line["b"] == "inf");
    CHECK(line["c"] == "-inf");
}

TEST_CASE("bytes that are no UTF-8 do not break a line of JSON", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    log.write(Event("e", Level::info, "bad \xff\xfe\n\x1b[31m").with("name", std::string("\xc3")));
    const auto lines = pipe.read_json();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["message"] == "bad \xef\xbf\xbd\xef\xbf\xbd\n\x1b[31m");
}

TEST_CASE("a line of text reads well and has the fields", "[log]") {
    const Event event = Event("round_started", Level::info, "A round begins.")
                            .with("round", std::string("4-9f3a01c2"))
                            .with("estimate", 5.5)
                            .with("note", std::string("two words"))
                            .with("empty", std::string())
                            .with("suspects", std::vector<std::string>{"a", "b c"});
    CHECK(text_line(event) ==
          "2026-01-02T03:04:05.678Z info    round_started    A round begins. epoch=3 step=40 "
          "round=4-9f3a01c2 estimate=5.5 note=\"two words\" empty=\"\" suspects=[a,\"b c\"]\n");
}

TEST_CASE("text from a peer can't forge a line or steer a terminal", "[log]") {
    const Event event = Event("peer_joined", Level::info, "Peer x\nfake joined")
                            .with("name", std::string("a\n2026 error \x1b[2J\x7f\xc2\x9b"
                                                      "2J"))
                            .with("quote", std::string("x\" peer=evil"));
    const std::string line = text_line(event);
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\x7f') == std::string::npos);
    CHECK(line.find('\x9b') == std::string::npos);
    CHECK_THAT(line, Contains("Peer x\\nfake joined"));
    CHECK_THAT(line, Contains("quote=\"x\\\" peer=evil\""));
}

TEST_CASE("colors are for terminals only", "[log]") {
    Pipe pipe;
    Log(options_for(pipe, LogFormat::text)).write(Event("e", Level::error, "m"));
    CHECK(pipe.read_all().find('\x1b') == std::string::npos);
    LogOptions options = options_for(pipe, LogFormat::text);
    options.colors = LogColors::always;
    Log(options).write(Event("e", Level::error, "m"));
    CHECK_THAT(pipe.read_all(), Contains("\x1b[31merror  \x1b[0m"));
}

TEST_CASE("lines below the level are left out", "[log]") {
    Pipe pipe;
    LogOptions options = options_for(pipe);
    options.level = Level::warning;
    Log log(options);
    CHECK_FALSE(log.is_enabled(Level::info));
    CHECK(log.is_enabled(Level::warning));
    for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
        log.write(Event("e", level, "m"));
    }
    const auto lines = pipe.read_json();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["level"] == "warning");
    CHECK(lines[1]["level"] == "error");
}

TEST_CASE("the level may change while a log is in use", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    log.write(Event("before", Level::debug, "m"));
    log.set_level(Level::debug);
    log.write(Event("after", Level::debug, "m"));
    const auto lines = pipe.read_json();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["event"] == "after");
}

TEST_CASE("formats and levels have names", "[log]") {
    CHECK(log_format_from_name("text").value() == LogFormat::text);
    CHECK(log_format_from_name("json").value() == LogFormat::json);
    CHECK(log_format_from_name("journal").value() == LogFormat::journal);
    CHECK_THAT(log_format_from_name("xml").error().message,
               Contains("allowed: text, json, journal"));
    CHECK(level_from_name("warning").value() == Level::warning);
    CHECK_THAT(level_from_name("loud").error().message, Contains("debug, info, warning, error"));
}

TEST_CASE("a peer that triggers line after line is counted, not written", "[log]") {
    Pipe pipe;
    WallClock::time_point now = kTime;
    LogOptions options = options_for(pipe);
    options.now = [&now] { return now; };
    Log log(options);
    for (int i = 0; i < 20; ++i) log.write(refused("bad"));
    log.write(refused("good"));
    auto lines = pipe.read_json();
    REQUIRE(lines.size() == log_limits::kLinesPerPeerMax + 1);
    CHECK(lines.back()["peer"] == "good");

    now += log_limits::kWindow;
    log.write(refused("bad"));
    lines = pipe.read_json();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["event"] == "suppressed");
    CHECK(lines[0]["level"] == "warning");
    CHECK(lines[0]["of"] == "peer_refused");
    CHECK(lines[0]["peer"] == "bad");
    CHECK(lines[0]["lines"] == 20 - log_limits::kLinesPerPeerMax);
    CHECK(lines[1]["event"] == "peer_refused");
}

TEST_CASE("many peers together are limited too, errors and other events never", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    std::size_t written = 0;
    for (std::size_t i = 0; i < 4 * log_limits::kCountersMax; ++i) {
        log.write(refused("peer-" + std::to_string(i)));
        written += pipe.read_json().size();
    }
    CHECK(written == log_limits::kCountersMax + log_limits::kLinesPerPeerMax);
    for (int i = 0; i < 50; ++i) {
        log.write(Event("adopted", Level::info, "m"));
        log.write(Event("bad", Level::error, "m").with("peer", std::string("x")));
    }
    CHECK(pipe.read_json().size() == 100);
}

TEST_CASE("events that name no peer are limited too, but not what tells of references", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    std::size_t written = 0;
    const auto write = [&](const Event& event) {
        log.write(event);
        written += pipe.read_json().size();
    };
    for (int i = 0; i < 2 * log_limits::kLinesPerEventMax; ++i) {
        write(Event("round_restarted", Level::warning, "m"));
    }
    CHECK(written == log_limits::kLinesPerEventMax);
    written = 0;
    for (const char* name : {"round_committed", "adopted", "merged"}) {
        for (int i = 0; i < 2 * log_limits::kLinesPerEventMax; ++i) {
            write(Event(name, Level::info, "m"));
        }
    }
    CHECK(written == 6 * log_limits::kLinesPerEventMax);
}

TEST_CASE("suppressed lines of an event without a peer are told without one", "[log]") {
    Pipe pipe;
    {
        Log log(options_for(pipe));
        for (int i = 0; i <= log_limits::kLinesPerEventMax; ++i) {
            log.write(Event("crossing", Level::info, "m"));
            if (i < log_limits::kLinesPerEventMax) pipe.read_all();
        }
    }
    const auto lines = pipe.read_json();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["event"] == "suppressed");
    CHECK(lines[0]["of"] == "crossing");
    CHECK_FALSE(lines[0].contains("peer"));
    CHECK(lines[0]["lines"] == 1);
}

TEST_CASE("a clock that is set back does not silence a peer", "[log]") {
    Pipe pipe;
    WallClock::time_point now = kTime;
    LogOptions options = options_for(pipe);
    options.now = [&now] { return now; };
    Log log(options);
    for (int i = 0; i < log_limits::kLinesPerPeerMax; ++i) log.write(refused("p"));
    now -= std::chrono::hours(1);
    pipe.read_all();
    log.write(refused("p"));
    CHECK(pipe.read_json().size() == 1);
}

TEST_CASE("lines still suppressed at the end are told", "[log]") {
    Pipe pipe;
    {
        Log log(options_for(pipe));
        for (int i = 0; i < log_limits::kLinesPerPeerMax + 2; ++i) log.write(refused("p"));
    }
    const auto lines = pipe.read_json();
    CHECK(lines.back()["event"] == "suppressed");
    CHECK(lines.back()["lines"] == 2);
}

TEST_CASE("a closed pipe loses lines and nothing else", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    pipe.close_reader();
    log.write(Event("e", Level::info, "m"));
    log.write(Event("e", Level::info, "m"));
    CHECK(log.counts().lost == 2);
}

TEST_CASE("a full disk loses lines and nothing else", "[log]") {
    const int full = open("/dev/full", O_WRONLY);
    REQUIRE(full >= 0);
    LogOptions options;
    options.fd = full;
    Log log(options);
    log.write(Event("e", Level::info, "m"));
    CHECK(log.counts().lost == 1);
    close(full);
}

TEST_CASE("a stuck reader loses lines, and is told how many", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    // Larger than a pipe holds, so that a line is cut in the middle.
    const std::string large(300'000, 'x');
    log.write(Event("large", Level::info, large));
    log.write(Event("lost", Level::info, "m"));
    const std::string part = pipe.read_all();
    CHECK_THAT(part, Contains("\"event\":\"large\""));
    CHECK(part.find("lost") == std::string::npos);

    log.write(Event("later", Level::info, "m"));
    std::string rest = pipe.read_all();
    REQUIRE(rest.starts_with("\n"));  // Ends the cut line.
    const auto lost = nlohmann::json::parse(rest.substr(1, rest.find('\n', 1)));
    CHECK(lost["event"] == "log_lines_lost");
    CHECK(lost["lines"] == 2);
    CHECK_THAT(rest, Contains("\"event\":\"later\""));
}

TEST_CASE("lines of several threads stay whole", "[log]") {
    Pipe pipe;
    Log log(options_for(pipe));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&log, i] {
            for (int k = 0; k < 25; ++k) {
                log.set_position({protocol::Epoch(1), protocol::StepIndex(7)});
                log.write(Event("e", Level::info, std::string(100, static_cast<char>('a' + i))));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(pipe.read_json().size() == 100);  // Each parses.
}
