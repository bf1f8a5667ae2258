#include "config/spelling.hpp"

#include <string>

#include "config/config.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;

namespace {

/// The refusal of a configuration with this line in this table.
std::string refusal(const std::string& table, const std::string& line) {
    const std::string data = "[data]\nsource = \"synthetic-digits\"\n";
    const std::string text =
        table == "data" ? data + line + "\n" : data + "[" + table + "]\n" + line + "\n";
    const auto config = parse_config(text, "test.toml");
    return config ? "valid" : config.error().message;
}

const std::string kKey(64, 'a');

}  // namespace

TEST_CASE("a refused address of a peer comes with how it is written", "[spelling]") {
    const auto peers = [](const std::string& text) {
        return refusal("node", "peers = [\"" + text + "\"]");
    };
    CHECK_THAT(peers("tcp://127.0.0.1:7400"),
               Contains("is no such address: write it without tcp://, as in \"127.0.0.1:7400\""));
    CHECK_THAT(peers("::1:7400"), Contains("in brackets") && Contains("as in \"[::1]:7400\""));
    CHECK_THAT(peers("fe80::1"), Contains("in brackets") && Contains("\"[fe80::1]:7400\""));
    CHECK_THAT(peers("tcp://::1:7400"), Contains("as in \"[::1]:7400\""));
    CHECK_THAT(peers("node-b"), Contains("name a port, as in \"node-b:7400\""));
    CHECK_THAT(peers("[::1]"), Contains("name a port, as in \"[::1]:7400\""));
    CHECK_THAT(peers(kKey + "@tcp://node-b:7400"), Contains("as in \"" + kKey + "@node-b:7400\""));
    CHECK_THAT(peers("tcp://" + kKey + "@node-b:7400"),
               Contains("as in \"" + kKey + "@node-b:7400\""));
    CHECK_THAT(peers("abc@node-b:7400"),
               Contains("a key of 64 hexadecimal digits, as `dynavg id` prints it"));
    // A spelling that nobody can guess is refused as it was.
    CHECK_THAT(peers("two words:7400"), Contains("is no such address; allowed: KEY@HOST:PORT"));
    CHECK_THAT(peers("node-b:0"), Contains("is no such address; allowed: KEY@HOST:PORT"));
}

TEST_CASE("a refused own address comes with how it is written", "[spelling]") {
    CHECK_THAT(refusal("node", "bind = \"127.0.0.1:7400\""),
               Contains("write tcp:// before it, as in \"tcp://127.0.0.1:7400\""));
    CHECK_THAT(refusal("node", "bind = \"tcp://::1:7400\""), Contains("\"tcp://[::1]:7400\""));
    CHECK_THAT(refusal("node", "bind = \"tcp://*:7400\""), Contains("\"tcp://0.0.0.0:7400\""));
    CHECK_THAT(refusal("node", "advertise = \"tcp://node-a:7400\""),
               Contains("without tcp://, as in \"node-a:7400\""));
    CHECK_THAT(refusal("node", "advertise = \"" + kKey + "@node-a:7400\""),
               Contains("without a key, as in \"node-a:7400\""));
    CHECK_THAT(refusal("metrics", "bind = \"127.0.0.1:9410\""),
               Contains("as in \"tcp://127.0.0.1:9410\""));
}

TEST_CASE("a path that only a shell would understand is refused", "[spelling]") {
    for (const char* start : {"~", "$HOME", "${HOME}"}) {
        CHECK_THAT(refusal("node", std::string("state_dir = \"") + start + "/dynavg\""),
                   Contains("no shell puts in what") && Contains("\"/home/NAME/dynavg\""));
    }
    CHECK_THAT(refusal("node", "control = \"~/control.sock\""), Contains("no shell"));
    CHECK_THAT(refusal("model", "weights = \"~anna/weights\""), Contains("no shell"));
    CHECK_THAT(refusal("data", "path = \"$DATA/mnist\""), Contains("no shell"));
    CHECK_THAT(refusal("data", "test = { path = \"~\" }"), Contains("no shell"));
    CHECK_THAT(refusal("output", "path = \"~/model.pt\""), Contains("no shell"));
    CHECK(refusal("node", "state_dir = \"state~/5$\"") == "valid");
}

TEST_CASE("a batch larger than the node's samples is refused where that is known", "[spelling]") {
    const std::string samples = "samples = 100\n";
    const std::string batch = "[training]\nbatch_size = ";
    CHECK_THAT(refusal("data", samples + batch + "101"),
               Contains("training.batch_size: is larger than the number of samples"));
    CHECK(refusal("data", samples + batch + "100") == "valid");
    const auto sharded = [&](const std::string& split, const std::string& size) {
        return refusal("data",
                       samples + "[data.shard]\ncount = 3\nindex = 0\n" + split + batch + size);
    };
    CHECK_THAT(sharded("", "35"), Contains("is larger than the number of samples"));
    CHECK(sharded("", "34") == "valid");
    // Only the data tell how large such a shard is: the daemon warns.
    CHECK(sharded("split = \"unequal:5\"\n", "60") == "valid");
}
