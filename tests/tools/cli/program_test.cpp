#include "tests/tools/cli/program.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tests/catch.hpp"
#include "tests/tools/cli/run_program.hpp"

using namespace dynavg;
using namespace dynavg::cli::test;
using Catch::Matchers::Contains;
using cli::Outcome;
using cli::run_program;
using Json = nlohmann::json;

namespace {

control::StatusReply status() {
    control::StatusReply reply;
    reply.node = "node-a";
    reply.network = "field-robots";
    reply.peer_id = "9f3a01c2";
    reply.version = "0.1.0";
    reply.pid = 42;
    reply.uptime_s = 7640;
    reply.model = "lenet5";
    reply.parameters = 61706;
    reply.epoch = 12;
    reply.digest = "00ff";
    reply.roster = {"9f3a01c2", "01020304"};
    reply.steps = 12345;
    reply.estimate = 3.25;
    reply.threshold = 5;
    reply.monitor = "linear";
    reply.pace = "free";
    reply.peers_live = 2;
    reply.peers_known = 3;
    reply.bytes.averaging = 3'400'000'000;
    reply.training = "running";
    return reply;
}

control::PeersReply peers() {
    return {{{.peer = "01020304",
              .name = "n\xc3\xb6"
                      "de-b",
              .address = "127.0.0.1:7410",
              .order = 1,
              .role = "member",
              .live = true,
              .epoch = 12,
              .digest = "00112233445566778899aabbccddeeff",
              .steps = 12000,
              .step_time_ms = 2.5,
              .last_heard_ms = 40,
              .suspicion_timeout_ms = 900},
             {.peer = "05060708",
              .name = "evil\x1b[2J",
              .address = "127.0.0.1:7420",
              .role = "member",
              .digest = "",
              .last_heard_ms = 61'000}}};
}

daemon::ControlServer::Handler answers(Json status, Json peers) {
    return [status = std::move(status), peers = std::move(peers)](const Json& request) {
        const std::string verb = control::verb_of(request);
        if (verb == "status") return status;
        if (verb == "peers") return peers;
        return control::error_reply("unknown verb");
    };
}

}  // namespace

TEST_CASE("dynavg without a verb it has is wrong usage", "[dynavg]") {
    CHECK(run("").code == 2);
    const Outcome unknown = run("statsu");
    CHECK(unknown.code == 2);
    CHECK_THAT(unknown.output, Contains("statsu is no verb; available: init, join"));
    CHECK(run("status --colour").code == 2);
    CHECK(run("status extra").code == 2);
}

TEST_CASE("every verb has help with an example", "[dynavg]") {
    for (const char* verb : {"",        "init ",          "join ",
                             "token ",  "keygen ",        "id ",
                             "trust ",  "revoke ",        "status ",
                             "peers ",  "rounds ",        "wait ",
                             "set ",    "set threshold ", "set exchange-rate ",
                             "pause ",  "resume ",        "leave ",
                             "forget ", "reload ",        "check-config ",
                             "report ", "verify "}) {
        CAPTURE(verb);
        const Outcome help = run(std::string(verb) + "--help");
        CHECK(help.code == 0);
        CHECK_THAT(help.output, Contains("Example:\n  dynavg "));
    }
    CHECK_THAT(run("--version").output, Contains("dynavg "));
}

TEST_CASE("docs/man/dynavg.1.md has every verb and no other", "[dynavg]") {
    std::ifstream stream(DYNAVG_SOURCE_DIR "/docs/man/dynavg.1.md");
    const std::string page((std::istreambuf_iterator<char>(stream)), {});
    REQUIRE_FALSE(page.empty());
    std::istringstream help(run("--help").output);
    std::set<std::string> verbs;
    bool within = false;
    for (std::string line; std::getline(help, line);) {
        if (within && line.empty()) break;
        if (within) verbs.insert(line.substr(2, line.find(' ', 2) - 2));
        within = within || line == "Subcommands:";
    }
    REQUIRE(verbs.contains("status"));
    for (const std::string& verb : verbs) {
        CAPTURE(verb);
        CHECK_THAT(page, Contains("\n**" + verb + "**"));
    }
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("**") || line.starts_with("**dynavg")) continue;
        CAPTURE(line);
        CHECK(verbs.contains(line.substr(2, line.find('*', 2) - 2)));
    }
}

TEST_CASE("init for an instance writes the paths of its unit", "[dynavg]") {
    const TemporaryFolder folder;
    const std::string file = (folder / "edge.toml").string();
    const std::string init = "init field-robots --no-start --advertise 127.0.0.1 --config " + file +
                             " --state-dir " + (folder / "state").string() + " --instance ";
    const Outcome made = run(init + "edge");
    CHECK(made.code == 0);
    std::ifstream stream(file);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    CHECK_THAT(text, Contains("control = \"/run/dynavg/edge/control.sock\""));
    CHECK_THAT(text, Contains("name = \"edge\""));
    for (const char* name : {"../edge", ".edge", "dynavg", "\"\""}) {
        CAPTURE(name);
        const Outcome refused = run(init + name);
        CHECK(refused.code == 2);
        CHECK_THAT(refused.output, Contains("--instance"));
    }
}

TEST_CASE("where no daemon answers, the exit code is 7", "[dynavg]") {
    const TemporaryFolder folder;
    for (const char* verb :
         {"status", "peers", "rounds", "set threshold 3", "set exchange-rate 2M", "pause", "resume",
          "leave", "forget a", "reload", "wait --peers 1 --timeout 0"}) {
        CAPTURE(verb);
        const Outcome outcome = run(verb + (" --control " + (folder / "none").string()));
        CHECK(outcome.code == 7);
        CHECK_THAT(outcome.output, Contains("dynavg: no daemon answers on "));
        CHECK_THAT(outcome.output, Contains("systemctl start dynavgd"));
    }
}

TEST_CASE("status prints the daemon's answer", "[dynavg]") {
    const TemporaryFolder folder;
    const RunningControlServer fake(
        {.socket = folder / "s"}, answers(control::to_reply(status()), control::to_reply(peers())));
    const Outcome text = run("status --control " + (folder / "s").string());
    CHECK(text.code == 0);
    CHECK_THAT(text.output, Contains("node       node-a (9f3a01c2) in network field-robots\n"));
    CHECK_THAT(text.output, Contains("daemon     version 0.1.0, pid 42, up 2 h 07 min\n"));
    CHECK_THAT(text.output, Contains("reference  12, digest 00ff, of 2 peers\n"));
    CHECK_THAT(text.output, Contains("training   running, 12,345 steps"));
    CHECK_THAT(text.output, Contains("variance   3.25; a round starts above 5"));
    CHECK_THAT(text.output, Contains("accuracy   not evaluated\n"));
    CHECK_THAT(text.output, Contains("peers      2 live of 3 known\n"));
    CHECK_THAT(text.output, Contains("round      none is open\n"));
    CHECK_THAT(text.output, Contains("averaging 3.4 GB"));

    const Outcome json = run("status --json --control " + (folder / "s").string());
    CHECK(json.code == 0);
    CHECK(control::status_from(Json::parse(json.output)).value() == status());
}

TEST_CASE("peers are told in columns", "[dynavg]") {
    const TemporaryFolder folder;
    const RunningControlServer fake(
        {.socket = folder / "s"}, answers(control::to_reply(status()), control::to_reply(peers())));
    const Outcome text = run("peers --control " + (folder / "s").string());
    CHECK(text.code == 0);
    CHECK(text.output ==
          "NAME         PEER      ADDRESS         ORDER  STATE   REFERENCE    STEPS   STEP TIME  "
          "HEARD\n"
          "n\xc3\xb6"
          "de-b       01020304  127.0.0.1:7410  1      live    12 00112233  12,000  "
          "2.5 ms     40 ms ago\n"
          "evil\\x1b[2J  05060708  127.0.0.1:7420  0      silent  0            0       0.0 ms     "
          "1 min 01 s ago\n");
    const Outcome json = run("peers --json --control " + (folder / "s").string());
    CHECK(control::peers_from(Json::parse(json.output)).value() == peers());
}

TEST_CASE("an observer is shown as one", "[dynavg]") {
    const TemporaryFolder folder;
    control::StatusReply observer = status();
    observer.role = "observer";
    observer.training = "following";
    observer.observers = 2;
    control::PeersReply others = peers();
    for (control::PeerStatus& peer : others.peers) peer.role = "observer";
    const RunningControlServer fake(
        {.socket = folder / "s"}, answers(control::to_reply(observer), control::to_reply(others)));
    const Outcome text = run("status --control " + (folder / "s").string());
    CHECK_THAT(text.output, Contains("training   none: an observer follows the reference\n"));
    CHECK_THAT(text.output, Contains("peers      2 live of 3 known; 2 observers\n"));
    const Outcome rows = run("peers --control " + (folder / "s").string());
    CHECK_THAT(rows.output, Contains("  live observer    12 00112233"));
    CHECK_THAT(rows.output, Contains("  silent observer  0 "));
}

TEST_CASE("a daemon that refuses or speaks otherwise is a failure", "[dynavg]") {
    const TemporaryFolder folder;
    const RunningControlServer fake(
        {.socket = folder / "s"}, answers(control::error_reply("busy\x1b[2J"), Json{{"ok", true}}));
    const Outcome refused = run("status --control " + (folder / "s").string());
    CHECK(refused.code == 1);
    CHECK(refused.output == "dynavg: busy\\x1b[2J\n");
    CHECK(run("peers --json --control " + (folder / "s").string()).code == 1);
}

TEST_CASE("reload says what was taken over, what needs a restart, and why nothing was",
          "[dynavg]") {
    const TemporaryFolder folder;
    const std::string arguments = "reload --control " + (folder / "s").string();
    const auto told = [&](const Json& answer) {
        const RunningControlServer fake({.socket = folder / "s"},
                                        [answer](const Json&) { return answer; });
        return run(arguments);
    };
    const Outcome some =
        told(control::to_reply(control::ReloadReply{{"node.peers"}, {"node.bind", "data.path"}}));
    CHECK(some.code == 0);
    CHECK(some.output == "taken over: node.peers\nneeds a restart: node.bind, data.path\n");
    CHECK(told(control::to_reply(control::ReloadReply{})).output == "nothing differs\n");
    const Outcome bad =
        told(control::error_reply("a.toml:3:1: x: unknown key\na.toml:4:1: \x1b[2J"));
    CHECK(bad.code == 1);
    CHECK(bad.output ==
          "dynavg: a.toml:3:1: x: unknown key\ndynavg: a.toml:4:1: \\x1b[2J\n"
          "dynavg: the daemon goes on with the configuration that it has\n");
    CHECK(run(arguments).code == 7);
}

TEST_CASE("check-config tells valid files from others", "[dynavg]") {
    const std::string shipped = DYNAVG_SOURCE_DIR "/systemd/dynavg.toml";
    const Outcome valid = run("check-config " + shipped);
    CHECK(valid.code == 0);
    CHECK_THAT(valid.output, Contains(shipped + ": valid\n"));
    CHECK(run("check-config --config " + shipped).code == 0);
    CHECK(Json::parse(run("check-config --json " + shipped).output)["valid"] == true);

    const TemporaryFolder folder;
    const std::string file = (folder / "a.toml").string();
    std::ofstream(file) << "[data]\nsource = \"synthetic-digits\"\n[averaging]\nwire = 1\nx = 1\n";
    const Outcome invalid = run("check-config " + file);
    CHECK(invalid.code == 6);
    CHECK_THAT(invalid.output, Contains(file + ":4:1: averaging.wire: must be a string"));
    CHECK_THAT(invalid.output, Contains(file + ":5:1: averaging.x: unknown key"));
    const Outcome json = run("check-config --json " + file);
    CHECK(json.code == 6);
    CHECK(Json::parse(json.output)["errors"].size() == 2);

    CHECK(run("check-config " + (folder / "missing").string()).code == 6);
    CHECK(run("check-config").code == 2);
    CHECK(run("check-config --config " + shipped + " " + shipped).code == 2);
}

TEST_CASE("a file for the simulation needs no network and no security", "[dynavg]") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.toml").string();
    std::ofstream(file) << "[data]\nsource = \"synthetic-digits\"\n";
    CHECK(run("check-config " + file).code == 6);
    std::ofstream((folder / "b.toml").string())
        << "[node]\nnetwork = \"n\"\n[security]\ninsecure = true\n[data]\n"
           "source = \"synthetic-digits\"\n[averaging]\nmonitor = \"local-balanced\"\n"
           "pace = \"lockstep\"\n";
    const Outcome balanced = run("check-config " + (folder / "b.toml").string());
    CHECK(balanced.code == 6);
    CHECK_THAT(balanced.output,
               Contains("b.toml:8:1: averaging.monitor: \"local-balanced\" runs in "
                        "`dynavg simulate` only; use \"local\""));
    CHECK(run("check-config --simulation " + (folder / "b.toml").string()).code == 0);
    CHECK(run("check-config --simulation " + file).code == 0);
}

TEST_CASE("report tells what it read, and what it could not", "[dynavg]") {
    namespace fs = std::filesystem;
    const TemporaryFolder folder;
    const std::string page = (folder / "page.html").string();
    const auto report = [&](const std::string& arguments) {
        return run("report " + arguments + " --out " + page);
    };
    CHECK(run("report").code == 2);
    const Outcome nothing = report((folder / "none").string());
    CHECK(nothing.code == 1);
    CHECK_THAT(nothing.output, Contains("none: no such folder; name one that"));
    CHECK_FALSE(fs::exists(page));

    fs::create_directories((folder / "grid/a").string());
    std::ofstream((folder / "grid/a/epochs.csv").string())
        << "epoch,step,rounds,accuracy_reference,accuracy_mean,train_loss,bytes_monitoring,"
           "bytes_averaging\n1,50,1,0.9,0.9,0.5,50,1000\n";
    const Outcome unfinished = report((folder / "grid").string());
    CHECK(unfinished.code == 0);
    CHECK_THAT(unfinished.output, Contains("not finished: " + (folder / "grid/a\n").string()));
    CHECK_THAT(unfinished.output, Contains("charts     " + page));
    CHECK(fs::file_size(page) > 1000);

    std::ofstream((folder / "grid/a/summary.json").string()) << "{\"peers\": 3,";
    const Outcome broken = report("--json " + (folder / "grid").string());
    CHECK(broken.code == 1);
    // Below the complaint.
    const Json json = Json::parse(broken.output.substr(broken.output.find('{')));
    CHECK(json["groups"][0]["runs"][0]["finished"] == false);
    CHECK_THAT(json["problems"][0].get<std::string>(), Contains("summary.json: is cut off"));

    CHECK(run("report " + (folder / "grid").string() + " --out /dev/full").code == 1);
}

TEST_CASE("simulate becomes the helper program, beside it or in libexec", "[dynavg]") {
    namespace fs = std::filesystem;
    const TemporaryFolder folder;
    fs::create_directories((folder / "bin").string());
    fs::create_directories((folder / "libexec/dynavg").string());
    const std::string program = (folder / "bin/dynavg").string();
    fs::copy_file(DYNAVG_PROGRAM, program);
    const auto helper = [](const std::string& file, const std::string& name) {
        std::ofstream(file) << "#!/bin/sh\necho " << name << " \"$@\"\nexit 6\n";
        fs::permissions(file, fs::perms::owner_all);
    };

    const Outcome missing = run("simulate --peers 3", program);
    CHECK(missing.code == 1);
    CHECK_THAT(missing.output, Contains("needs the program dynavg-simulate"));

    helper((folder / "libexec/dynavg/dynavg-simulate").string(), "libexec");
    const Outcome far = run("simulate --help --peers '3 4'", program);
    CHECK(far.code == 6);
    CHECK(far.output == "libexec --help --peers 3 4\n");

    helper((folder / "bin/dynavg-simulate").string(), "beside");
    CHECK(run("simulate", program).output == "beside\n");
}

TEST_CASE("output that can't be written is a failure", "[dynavg]") {
    CHECK(run("check-config " DYNAVG_SOURCE_DIR "/systemd/dynavg.toml > /dev/full").code == 1);
}
