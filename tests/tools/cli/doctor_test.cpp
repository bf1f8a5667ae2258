#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "control/checks.hpp"
#include "control/replies.hpp"
#include "tests/catch.hpp"
#include "tests/tools/cli/program.hpp"

// `dynavg doctor` as a person runs it; with real networks it is in tests/system.

using namespace dynavg;
using namespace dynavg::cli::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using Json = nlohmann::json;

namespace {

/// A node without keys or peers, quick to look at.
std::string write_config(const TemporaryFolder& folder, const std::string& node = "") {
    const std::string file = (folder / "node.toml").string();
    std::ofstream(file) << "[node]\nnetwork = \"n\"\nname = \"a\"\nbind = \"tcp://127.0.0.1:0\"\n"
                        << "state_dir = \"" << (folder / "state").string() << "\"\n"
                        << "control = \"" << (folder / "socket").string() << "\"\n"
                        << node << "[model]\nbuiltin = \"mlp\"\nhidden = [4]\n"
                        << "[data]\nsource = \"synthetic-digits\"\nsamples = 100\n"
                        << "[security]\ninsecure = true\n";
    return file;
}

/// The finding of a check that is not ok; null if there is none.
Json fault(const Json& report, const std::string& check) {
    for (const Json& finding : report["findings"]) {
        if (finding["check"] == check && finding["level"] != "ok") return finding;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("dynavg doctor has help with an example, and takes no other arguments", "[doctor]") {
    const Outcome help = run("doctor --help");
    CHECK(help.code == 0);
    CHECK_THAT(help.output, Contains("Example:\n  dynavg doctor") && Contains("--json"));
    CHECK(run("doctor --colour").code == 2);
}

TEST_CASE("of an invalid configuration all problems are told, with a code of its own", "[doctor]") {
    const TemporaryFolder folder;
    const std::string file = (folder / "bad.toml").string();
    std::ofstream(file) << "[node]\nnetwrok = \"n\"\nname = 3\n";
    const Outcome text = run("doctor --config " + file);
    CHECK(text.code == 6);
    CHECK_THAT(text.output, StartsWith("failure  config    " + file + ": "));
    CHECK_THAT(text.output, Contains("node.netwrok") && Contains("node.name"));
    const Outcome json = run("doctor --json --config " + file);
    CHECK(json.code == 6);
    const Json report = Json::parse(json.output);
    CHECK(report["ok"] == false);
    CHECK(report["failures"].get<int>() >= 2);
    CHECK(run("doctor --config " + (folder / "none.toml").string()).code == 6);
}

TEST_CASE("a node that has never started is looked at, and left as it is", "[doctor]") {
    const TemporaryFolder folder;
    const std::string file = write_config(folder);
    const Outcome text = run("doctor --config " + file);
    CHECK(text.code == 0);
    CHECK_THAT(text.output, StartsWith("ok       config    " + file + ": valid\n"));
    CHECK_THAT(text.output, Contains("\nwarning  daemon    "));
    CHECK_THAT(text.output, Contains("\nok       data      synthetic-digits: 100 samples"));
    CHECK_THAT(text.output, Contains("\nok       model     mlp: "));
    CHECK_THAT(text.output, Contains(" 0 failures\n"));
    CHECK_FALSE(std::filesystem::exists(folder / "state"));
}

TEST_CASE("a running daemon's findings about its peers and itself are told", "[doctor]") {
    const TemporaryFolder folder;
    const std::string file = write_config(folder, "peers = [\"127.0.0.1:1\"]\n");
    control::PeerCheck check;
    check.address = "127.0.0.1:1";
    check.direct = protocol::Reach::refused;
    std::vector<bool> starts;
    const auto answer = [&](const Json& request) {
        if (control::verb_of(request) == "check-peers") {
            // Not at once: the first time it only begins.
            starts.push_back(control::starts_check(request));
            const bool complete = starts.size() > 2;
            return control::to_reply(control::PeerChecksReply{
                complete, {}, complete ? std::vector{check} : std::vector<control::PeerCheck>{}});
        }
        control::StatusReply status;
        status.node = "a";
        status.network = "n";
        status.pid = getpid();
        status.health = {{"no-peers", "nobody is here"}, {"clock-skew", "judged by the tool"}};
        return control::to_reply(status);
    };
    const RunningControlServer daemon({.socket = folder / "socket"}, answer);
    const Outcome json = run("doctor --json --config " + file);
    CHECK(json.code == 1);
    CHECK(starts == std::vector<bool>{true, false, false});
    const Json report = Json::parse(json.output);
    CHECK(fault(report, "peer")["where"] == "127.0.0.1:1");
    CHECK_THAT(fault(report, "peer")["fix"].get<std::string>(), Contains("start dynavgd there"));
    CHECK(fault(report, "health")["where"] == "no-peers");
    CHECK(report["failures"] == 1);
    CHECK_THAT(json.output, !Contains("judged by the tool"));
}
