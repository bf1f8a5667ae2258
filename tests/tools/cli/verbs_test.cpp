#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "control/replies.hpp"
#include "control/round_replies.hpp"
#include "tests/catch.hpp"
#include "tests/tools/cli/program.hpp"

using namespace dynavg;
using namespace dynavg::cli::test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

/// A daemon that says yes to everything, and what it was asked.
class Obedient {
public:
    explicit Obedient(const std::string& socket, Json reply = control::done_reply())
        : m_fake({.socket = socket}, [this, reply = std::move(reply)](const Json& request) {
              const std::lock_guard lock(m_mutex);
              m_asked.push_back(request);
              return reply;
          }) {}
    [[nodiscard]] Json last() {
        const std::lock_guard lock(m_mutex);
        return m_asked.empty() ? Json() : m_asked.back();
    }

private:
    std::mutex m_mutex;
    std::vector<Json> m_asked;
    RunningControlServer m_fake;
};

control::RoundRecord committed() {
    control::RoundRecord round;
    round.epoch = 12;
    round.outcome = "committed";
    round.digest = "9f3a01c2ffffffff";
    round.reason = "crossing";
    round.attempts = 2;
    round.participants = {"a", "b"};
    round.expected = 3;
    round.estimate = 5.25;
    round.threshold = 5;
    round.duration_ms = 250;
    round.bytes_sent = 2'500'000;
    return round;
}

/// `dynavg status --watch --json` in a process of its own.
class Watching {
public:
    explicit Watching(const std::string& socket) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        m_pid = fork();
        REQUIRE(m_pid >= 0);
        if (m_pid == 0) {
            dup2(ends[1], STDOUT_FILENO);
            dup2(ends[1], STDERR_FILENO);
            execl(DYNAVG_PROGRAM, "dynavg", "status", "--watch", "--json", "--control",
                  socket.c_str(), nullptr);
            _exit(127);
        }
        close(ends[1]);
        m_output = fdopen(ends[0], "r");
    }
    ~Watching() {
        std::fclose(m_output);
        if (m_pid > 0) (void)end_with(SIGKILL);
    }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

    [[nodiscard]] std::string line() {
        std::string line;
        for (int c = 0; (c = std::fgetc(m_output)) != EOF && c != '\n';) {
            line += static_cast<char>(c);
        }
        return line;
    }
    /// The exit code.
    [[nodiscard]] int end_with(int signal) {
        kill(m_pid, signal);
        int status = 0;
        waitpid(std::exchange(m_pid, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t m_pid = -1;
    FILE* m_output = nullptr;
};

}  // namespace

TEST_CASE("set asks for the given value, in bytes per second", "[dynavg]") {
    const TemporaryFolder folder;
    Obedient daemon((folder / "s").string());
    const auto set = [&](const std::string& what) {
        return run("set " + what + " --control " + (folder / "s").string());
    };
    CHECK(set("threshold 2.5").code == 0);
    CHECK(daemon.last() == control::set_request("threshold", 2.5));
    CHECK(set("exchange-rate 2M").code == 0);
    CHECK(daemon.last() == control::set_request("exchange-rate", 2e6));
    CHECK(set("exchange-rate none").code == 0);
    CHECK(daemon.last() == control::set_request("exchange-rate", 0));
    CHECK(Json::parse(set("threshold 3 --json").output) == control::done_reply());
    CHECK(set("threshold many").code == 2);
    CHECK(set("exchange-rate fast").code == 2);
    CHECK(set("threshold").code == 2);
    CHECK(set("nothing 3").code == 2);
}

TEST_CASE("pause says whether others may be held", "[dynavg]") {
    const TemporaryFolder folder;
    Obedient daemon((folder / "s").string());
    CHECK(run("pause --control " + (folder / "s").string()).code == 0);
    CHECK(daemon.last() == control::pause_request(false));
    CHECK(run("pause --all-wait --control " + (folder / "s").string()).code == 0);
    CHECK(daemon.last() == control::pause_request(true));
    CHECK(run("resume --control " + (folder / "s").string()).code == 0);
    CHECK(daemon.last() == control::request("resume"));
}

TEST_CASE("a daemon's refusal is a failure, with its reason", "[dynavg]") {
    const TemporaryFolder folder;
    const Obedient daemon((folder / "s").string(), control::error_reply("not here\x1b[2J"));
    for (const char* verb : {"set threshold 3", "set exchange-rate 1M", "pause", "resume", "leave",
                             "forget node-b", "rounds"}) {
        CAPTURE(verb);
        const Outcome refused = run(verb + (" --control " + (folder / "s").string()));
        CHECK(refused.code == 1);
        CHECK(refused.output == "dynavg: not here\\x1b[2J\n");
    }
}

TEST_CASE("rounds are told with their evidence", "[dynavg]") {
    const TemporaryFolder folder;
    control::RoundRecord adopted;
    adopted.epoch = 13;
    adopted.outcome = "adopted";
    adopted.digest = "00112233";
    const control::RoundsReply rounds{{committed(), adopted}};
    Obedient daemon((folder / "s").string(), control::to_reply(rounds));
    const Outcome text = run("rounds --count 7 --control " + (folder / "s").string());
    CHECK(text.code == 0);
    CHECK(daemon.last() == control::rounds_request(7));
    CHECK_THAT(text.output, Contains("crossing  2         2/3    5.25      5          250 ms  "
                                     "2.5 MB  9f3a01c2\n"));
    CHECK_THAT(text.output, Contains("adopted   -"));
    const Outcome json = run("rounds --json --control " + (folder / "s").string());
    CHECK(control::rounds_from(Json::parse(json.output)).value() == rounds);
    CHECK(run("rounds --count 0 --control " + (folder / "s").string()).code == 2);
}

TEST_CASE("wait ends once it is so, and tells what is missing if it is not", "[dynavg]") {
    const TemporaryFolder folder;
    // One more peer and one more epoch each time it is asked.
    std::atomic<std::uint32_t> asked = 0;
    const RunningControlServer daemon({.socket = folder / "s"}, [&asked](const Json&) {
        control::StatusReply status;
        status.peers_live = status.epoch = asked++;
        return control::to_reply(status);
    });
    const auto wait = [&](const std::string& what) {
        return run("wait " + what + " --control " + (folder / "s").string());
    };
    const Outcome json = wait("--peers 2 --epoch 3 --timeout 60 --json");
    CHECK(json.code == 0);
    CHECK(control::status_from(Json::parse(json.output)).value().epoch == 3);
    CHECK(wait("--peers 1 --timeout 60").output.empty());
    const Outcome late = wait("--peers 100000 --timeout 0.1");
    CHECK(late.code == 1);
    CHECK_THAT(late.output, Contains("other peers are live, 100000 wanted"));
    CHECK(wait("").code == 2);
    CHECK(wait("--peers x").code == 2);
}

TEST_CASE("status --watch ends cleanly with Ctrl-C", "[dynavg]") {
    const TemporaryFolder folder;
    const RunningControlServer daemon({.socket = folder / "s"}, [](const Json&) {
        control::StatusReply status;
        status.node = "node-a";
        return control::to_reply(status);
    });
    for (const int signal : {SIGINT, SIGTERM}) {
        CAPTURE(signal);
        Watching watching((folder / "s").string());
        for (int i = 0; i < 2; ++i) {
            const auto status = control::status_from(Json::parse(watching.line()));
            REQUIRE(status);
            CHECK(status->node == "node-a");
        }
        CHECK(watching.end_with(signal) == 0);
    }
}

TEST_CASE("status --watch waits for a daemon that is not there", "[dynavg]") {
    const TemporaryFolder folder;
    Watching watching((folder / "none").string());
    for (int i = 0; i < 2; ++i) CHECK_THAT(watching.line(), Contains("no daemon answers on "));
    CHECK(watching.end_with(SIGINT) == 0);
}
