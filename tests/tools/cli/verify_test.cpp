#include <fstream>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/cli/run_program.hpp"

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using dynavg::cli::Outcome;
using dynavg::cli::run_program;
using Json = nlohmann::json;

namespace {

/// A folder for logs, and the program that reads them.
struct Logs {
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder / name) << text;
    }
    /// In the folder.
    [[nodiscard]] Outcome verify(const std::string& arguments) const {
        return run_program("cd " + folder.path().string() + " && " + DYNAVG_PROGRAM + " verify " +
                           arguments);
    }

    dynavg::test::TemporaryFolder folder;
};

std::string round(const std::string& node, int epoch, const std::string& digest_end) {
    return fmt::format(
        R"({{"time":"t","level":"info","event":"round_committed","node":"{}","network":"net",)"
        R"("epoch":{},"step":1,"message":"m","round":"{}-00","peer_id":"{}-id","reason":"crossing",)"
        R"("participants":["a-id","b-id"],"expected":2,"missing":[],)"
        R"("digest":"001122334455667788990000{}","threshold":5,"duration_ms":7,"bytes_sent":2000,)"
        R"("bytes_received":1,"bytes_monitoring":3}})"
        "\n",
        node, epoch, epoch, node, digest_end);
}

std::string journal_entry(const std::string& node, int epoch, const std::string& digest_end) {
    return fmt::format(
        R"({{"__REALTIME_TIMESTAMP":"1","DYNAVG_EVENT":"round_committed","DYNAVG_NODE":"{}",)"
        R"("DYNAVG_NETWORK":"net","DYNAVG_EPOCH":"{}","DYNAVG_PARTICIPANTS":["a-id","b-id"],)"
        R"("DYNAVG_THRESHOLD":"5","DYNAVG_DIGEST":"001122334455667788990000{}"}})"
        "\n",
        node, epoch, digest_end);
}

const std::string kSame = "aabbccdd";
const std::string kOther = "aabbccde";

}  // namespace

TEST_CASE("dynavg verify ends with 0 where all agreed, in lines and in a journal", "[verify]") {
    const Logs logs;
    logs.write("a.log", round("a", 1, kSame) + round("a", 2, kOther));
    logs.write("b.journal", journal_entry("b", 2, kOther) + journal_entry("b", 1, kSame) +
                                R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"Started."})" + "\n");
    for (const char* arguments :
         {"a.log b.journal", "b.journal a.log", "a.log - <b.journal", "- <b.journal a.log"}) {
        const auto outcome = logs.verify(arguments);
        INFO(outcome.output);
        CHECK(outcome.code == 0);
        CHECK_THAT(outcome.output, EndsWith("AGREED: 2 nodes, all 2 epochs\n"));
    }
    const auto json = logs.verify("--json a.log b.journal");
    CHECK(json.code == 0);
    const Json verdict = Json::parse(json.output);
    CHECK(verdict["agreed"] == true);
    CHECK(verdict["networks"][0]["nodes"][0]["bytes_sent"] == 4000);
    CHECK(verdict["files"][1]["foreign"] == 1);
}

TEST_CASE("dynavg verify ends with 1 where a digest differs, and names it", "[verify]") {
    const Logs logs;
    logs.write("a.log", round("a", 1, kSame));
    logs.write("b.log", round("b", 1, kOther));
    const auto outcome = logs.verify("a.log b.log");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.output, Contains("epoch 1: different references\n"));
    CHECK_THAT(outcome.output, Contains("990000" + kSame + "  a;"));
    CHECK_THAT(outcome.output, Contains("990000" + kOther + "  b;"));
    const auto json = logs.verify("--json a.log b.log");
    CHECK(json.code == 1);
    CHECK(Json::parse(json.output)["networks"][0]["verdict"] == "disagreed");
}

TEST_CASE("cut and foreign lines are counted, and the rest is judged", "[verify]") {
    const Logs logs;
    logs.write("a.log", round("a", 1, kSame) + "hello\n" + round("a", 2, kSame).substr(0, 99));
    logs.write("b.log", round("b", 1, kSame));
    const auto outcome = logs.verify("a.log b.log");
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.output, Contains("garbage: 2 of 3 lines of a.log can't be read"));
}

TEST_CASE("a file that is no log is a failure that says so", "[verify]") {
    const Logs logs;
    logs.write("a.log", round("a", 1, kSame));
    logs.write("b.log", round("b", 1, kSame));
    logs.write("text.log", "2026-01-02T03:04:05.678Z info started  listening epoch=0\n");
    logs.write("empty.log", "");
    logs.write("other.journal", R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"Started."})"
                                "\n");
    for (const auto& [file, words] :
         {std::pair("text.log", "text.log: none of its 1 lines is an event of dynavgd; logs are "),
          std::pair("empty.log",
                    "empty.log: it is empty; logs are what `dynavgd --log-format json"),
          std::pair("other.journal", "other.journal: no entry of this journal is from dynavgd"),
          std::pair("missing.log", "missing.log: No such file or directory"),
          std::pair(".", ".: Is a directory")}) {
        const auto outcome = logs.verify(std::string("a.log b.log ") + file);
        INFO(outcome.output);
        CHECK(outcome.code == 1);
        CHECK_THAT(outcome.output, Contains(words));
        // The others are judged all the same.
        CHECK_THAT(outcome.output, Contains("AGREED: 2 nodes"));
        const auto alone = logs.verify(file);
        CHECK(alone.code == 1);
        CHECK_THAT(alone.output, Contains("nothing to verify"));
    }
    CHECK(logs.verify("a.log").code == 1);
    CHECK_THAT(logs.verify("a.log").output, Contains("NOTHING TO COMPARE"));
    CHECK(logs.verify("").code == 2);
    CHECK(logs.verify("--fast a.log").code == 2);
}
