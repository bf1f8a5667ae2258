#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "control/replies.hpp"
#include "identity/token.hpp"
#include "tests/catch.hpp"
#include "tests/tools/cli/program.hpp"

// The verbs that make a node of a machine: init, join, token, id.

using namespace dynavg;
using namespace dynavg::cli::test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

/// A node whose files are all in one folder.
struct Node {
    TemporaryFolder folder;
    std::string files =
        fmt::format("--state-dir {0}/state --control {0}/s", folder.path().string());

    [[nodiscard]] Outcome set_up(const std::string& words) const {
        const std::string config =
            words.find("--config") == std::string::npos
                ? fmt::format("--config {}/node.toml", folder.path().string())
                : "";
        return run(
            fmt::format("{} {} {} --port 7400 --advertise host --no-start", words, files, config));
    }
    [[nodiscard]] Outcome token(const std::string& options = "") const {
        return run(fmt::format("token --config {}/node.toml {}", folder.path().string(), options));
    }
    [[nodiscard]] bool has_token() const {
        return std::filesystem::exists(folder / "state" / identity::kTokenFileName);
    }
};

}  // namespace

TEST_CASE("init and token print for programs too", "[setup]") {
    const Node node;
    const Outcome made = node.set_up("init net --json");
    REQUIRE(made.code == 0);
    const Json printed = Json::parse(made.output);
    CHECK(printed["network"] == "net");
    CHECK(printed["config"] == (node.folder / "node.toml").string());
    CHECK(printed["started"] == false);
    CHECK_THAT(printed["peer"].get<std::string>(), Contains("@host:7400"));
    CHECK(Json::parse(node.token("--json").output)["token"] == printed["token"]);
    CHECK(node.token().output == printed["token"].get<std::string>() + "\n");
    CHECK(Json::parse(node.token("--close --json").output)["token"].is_null());
    CHECK(node.token().code == 1);
}

TEST_CASE("a token is read from standard input, where no other user sees it", "[setup]") {
    const Node host;
    const Node guest;
    REQUIRE(host.set_up("init net").code == 0);
    std::ofstream(host.folder / "token") << host.token().output;
    const Outcome joined =
        guest.set_up(fmt::format("join - --json <{}", (host.folder / "token").string()));
    CAPTURE(joined.output);
    REQUIRE(joined.code == 0);
    CHECK(Json::parse(joined.output)["network"] == "net");
    CHECK(guest.has_token());
}

TEST_CASE("an error of the set-up has the exit code of its kind", "[setup]") {
    const Node node;
    CHECK(node.set_up("init 'bad name!'").code == 6);
    CHECK(node.set_up("join nonsense").code == 2);
    std::ofstream(node.folder / "file") << "no folder";
    CHECK(
        node.set_up(fmt::format("init net --config {}/node.toml", (node.folder / "file").string()))
            .code == 1);
    CHECK(run("id --config " + (node.folder / "none.toml").string()).code == 6);
}

TEST_CASE("a token ends for a daemon that does not run, and not behind one's back", "[setup]") {
    const Node node;
    REQUIRE(node.set_up("init net").code == 0);
    {
        // The peer that answers refuses.
        const RunningControlServer daemon({.socket = node.folder / "s"}, [](const Json&) {
            return control::error_reply("the disk is full");
        });
        const Outcome closed = node.token("--close");
        CHECK(closed.code == 1);
        CHECK_THAT(closed.output, Contains("the disk is full") && Contains("old token"));
        CHECK_THAT(closed.output, !Contains("Nobody can join"));
    }
    CHECK(node.token("--close").code == 0);
}

TEST_CASE("a configuration that is written anew keeps its mode, a new one is for all to read",
          "[setup]") {
    const Node node;
    const auto mode = [&] {
        struct stat about {};
        REQUIRE(stat((node.folder / "node.toml").c_str(), &about) == 0);
        return about.st_mode & 07777U;
    };
    const mode_t before = umask(077);
    const Outcome made = node.set_up("init net");
    umask(before);
    REQUIRE(made.code == 0);
    CHECK(mode() == 0644U);
    REQUIRE(chmod((node.folder / "node.toml").c_str(), 0640) == 0);
    REQUIRE(node.set_up("init net").code == 0);
    CHECK(mode() == 0640U);
}
