#include "config/config.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "protocol/base/address.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;

namespace {

Config parsed(const std::string& text) {
    auto config = parse_config(text, "test.toml");
    if (!config) FAIL(config.error().message);
    return *config;
}

std::string error_of(const std::string& text) {
    const auto config = parse_config(text, "test.toml");
    if (config) FAIL("was read without an error: " + text);
    return config.error().message;
}

const std::string kData = "[data]\nsource = \"synthetic-digits\"\n";

}  // namespace

TEST_CASE("the shortest configuration has the documented defaults", "[config]") {
    const Config config = parsed(kData);
    CHECK(config.node.state_dir == "/var/lib/dynavg");
    CHECK(config.node.checkpoint_interval_s == 60);
    CHECK(config.node.control == "/run/dynavg/control.sock");
    CHECK(config.node.start_peers == 1);
    CHECK_FALSE(config.node.name.empty());
    CHECK(config.model.builtin == "lenet5");
    CHECK(config.training.optimizer == OptimizerKind::adam);
    CHECK(config.training.learning_rate == 0.001);
    CHECK(config.training.epsilon == 1e-7);
    CHECK(config.averaging == protocol::AveragingSettings{});
    CHECK_FALSE(config.has_averaging_section);
    CHECK_FALSE(config.security.insecure);
    CHECK_FALSE(config.data.shard);
    CHECK_FALSE(config.data.test);
}

TEST_CASE("every table is read", "[config]") {
    const Config config = parsed(R"(
[node]
network = "field-robots"
name = "node-a"
order = -3
bind = "tcp://127.0.0.1:0"
advertise = "localhost:7500"
peers = ["127.0.0.1:7400", "[::1]:7403"]
state_dir = "state"
checkpoint_interval_s = 5
control = "control.sock"
start_peers = 3
[model]
builtin = "mlp"
hidden = [20, 10]
seed = 7
[data]
source = "idx"
path = "/srv/mnist"
shard = { index = 1, count = 4, split = "sorted:0.6" }
test = { path = "/srv/test", samples = 500, every_rounds = 2 }
[training]
optimizer = "sgd"
learning_rate = 1
momentum = 0.9
nesterov = true
weight_decay = 1e-4
batch_size = 16
max_steps = 100
exit_when_done = true
seed = 9
device = "cpu"
[averaging]
monitor = "every-step"
threshold = 2
pace = "lockstep"
max_lag_steps = 5
outer_optimizer = "average"
wire = "float32"
min_peers = 3
quorum = "none"
weights = "samples"
state_interval_ms = 20
check_every = 2
stale_drift = "keep"
sketch_rows = 3
sketch_seed = 11
[security]
insecure = true
)");
    CHECK(config.node.network == "field-robots");
    CHECK(config.node.name == "node-a");
    CHECK(config.node.order == -3);
    CHECK(config.node.bind == "tcp://127.0.0.1:0");
    CHECK(config.node.advertise == "localhost:7500");
    CHECK(config.node.peers == std::vector<std::string>{"127.0.0.1:7400", "[::1]:7403"});
    CHECK(config.node.state_dir == "state");
    CHECK(config.node.checkpoint_interval_s == 5);
    CHECK(config.node.control == "control.sock");
    CHECK(config.node.start_peers == 3);
    CHECK(config.model.builtin == "mlp");
    CHECK(config.model.hidden == std::vector<std::uint32_t>{20, 10});
    CHECK(config.model.seed == 7);
    CHECK(config.data.source == "idx");
    CHECK(config.data.path == "/srv/mnist");
    REQUIRE(config.data.shard);
    CHECK(config.data.shard->index == 1);
    CHECK(config.data.shard->count == 4);
    CHECK(config.data.shard->split == Split{Split::Kind::sorted, 0.6});
    REQUIRE(config.data.test);
    CHECK(config.data.test->path == "/srv/test");
    CHECK(config.data.test->samples == 500);
    CHECK(config.data.test->every_rounds == 2);
    CHECK(config.training.optimizer == OptimizerKind::sgd);
    CHECK(config.training.learning_rate == 1.0);
    CHECK(config.training.momentum == 0.9);
    CHECK(config.training.nesterov);
    CHECK(config.training.weight_decay == 1e-4);
    CHECK(config.training.batch_size == 16);
    CHECK(config.training.max_steps == 100);
    CHECK(config.training.exit_when_done);
    CHECK(config.training.seed == 9);
    CHECK(config.has_averaging_section);
    const protocol::AveragingSettings expected{.monitor = protocol::MonitorKind::every_step,
                                               .sketch = {.rows = 3, .columns = 256},
                                               .sketch_seed = 11,
                                               .threshold = 2,
                                               .threshold_rule = {},
                                               .outer = {},
                                               .weights = protocol::WeightRule::samples,
                                               .pace = protocol::Pace::lockstep,
                                               .max_lag_steps = 5,
                                               .min_peers = 3,
                                               .quorum = protocol::QuorumRule::none,
                                               .state_interval = std::chrono::milliseconds(20),
                                               .check_every = 2};
    CHECK(config.averaging == expected);
    CHECK(config.security.insecure);
    CHECK(config.positions.at("model.seed").line == 16);
}

TEST_CASE("an empty table counts as given", "[config]") {
    const Config config = parsed("[averaging]\n[data]\nsource = \"synthetic-digits\"\ntest = {}\n");
    CHECK(config.has_averaging_section);
    CHECK(config.data.test);
}

TEST_CASE("every monitor has the protocol's name", "[config]") {
    for (const char* name :
         {"norm", "linear", "sketch", "cascade", "exact", "local", "every-step"}) {
        const Config config =
            parsed(kData + "[averaging]\nmonitor = \"" + std::string(name) + "\"\n");
        CHECK(protocol::name_of(config.averaging.monitor) == name);
    }
}

TEST_CASE("an unknown key is named with its place and the nearest known one", "[config]") {
    CHECK(error_of(kData + "[averaging]\n\ntreshold = 5.0\n") ==
          "test.toml:5:1: averaging.treshold: unknown key; did you mean averaging.threshold?");
    CHECK(error_of(kData + "shard = { count = 2, indx = 0 }\n") ==
          "test.toml:3:22: data.shard.indx: unknown key; did you mean data.shard.index?");
    CHECK(error_of(kData + "[trianing]\nseed = 1\n") ==
          "test.toml:3:2: trianing: unknown table; did you mean training?");
    // The right key in the wrong table.
    CHECK_THAT(error_of(kData + "threshold = 1.0\n"),
               Contains("data.threshold: unknown key; did you mean averaging.threshold?"));
    CHECK_THAT(error_of(kData + "[security]\ntemperature = 1.0\n"),
               Contains("unknown key; known here: trusted_peers, insecure"));
}

TEST_CASE("a wrong type is named with what is allowed", "[config]") {
    CHECK(error_of(kData + "[training]\nbatch_size = \"32\"\n") ==
          "test.toml:4:1: training.batch_size: must be an integer: 1 to 65536, but is \"32\" "
          "(string)");
    CHECK_THAT(error_of(kData + "[training]\nbatch_size = 32.0\n"), Contains("must be an integer"));
    CHECK_THAT(error_of(kData + "[training]\nnesterov = 1\n"), Contains("must be true or false"));
    CHECK_THAT(error_of(kData + "[node]\npeers = \"a:1\"\n"), Contains("must be a list"));
    CHECK_THAT(error_of(kData + "[node]\npeers = [1]\n"),
               Contains("must be a string: KEY@HOST:PORT"));
    CHECK_THAT(error_of(kData + "[node]\nname = 1979-05-27\n"), Contains("(date or time)"));
    CHECK_THAT(error_of(kData + "[node]\nname = { a = 1 }\n"), Contains("(table)"));
    CHECK_THAT(error_of("data = 3\n"), Contains("test.toml:1:1: data: must be a table, [data]"));
    CHECK_THAT(error_of("[[data]]\nsource = \"idx\"\n"), Contains("data: must be a table"));
}

TEST_CASE("a value out of range is named with the range", "[config]") {
    const auto averaging = [](const std::string& line) {
        return error_of(kData + "[averaging]\n" + line + "\n");
    };
    CHECK_THAT(averaging("threshold = 0"), Contains("0 is not allowed; allowed: above 0"));
    CHECK_THAT(averaging("threshold = -1.5"), Contains("-1.5 is not allowed"));
    CHECK_THAT(averaging("threshold = inf"), Contains("inf is not allowed"));
    CHECK_THAT(averaging("threshold = nan"), Contains("nan is not allowed"));
    CHECK_THAT(averaging("min_peers = 0"), Contains("allowed: 1 to 256"));
    CHECK_THAT(averaging("min_peers = 4294967298"), Contains("allowed: 1 to 256"));
    CHECK_THAT(averaging("check_every = 0"), Contains("allowed: 1 or more"));
    CHECK_THAT(averaging("sketch_rows = 17"), Contains("allowed: 1 to 16"));
    CHECK_THAT(averaging("max_lag_steps = -1"), Contains("allowed: 0 or more"));
    CHECK_THAT(error_of(kData + "[training]\nmomentum = 1.0\n"),
               Contains("allowed: 0 or more, below 1"));
}

TEST_CASE("an unknown choice is named with the choices and the nearest", "[config]") {
    CHECK(error_of(kData + "[averaging]\nmonitor = \"linaer\"\n") ==
          "test.toml:4:1: averaging.monitor: \"linaer\" is not allowed; allowed: norm, linear, "
          "sketch, cascade, exact, local, local-balanced, every-step, interval:N (N steps, 1 to "
          "1000000000); did "
          "you mean \"linear\"?");
}

TEST_CASE("what the contract has but this version has not is said so", "[config]") {
    const auto refused = [](const std::string& table, const std::string& line) {
        CAPTURE(line);
        const std::string head = table == "data" ? "[data]\n" : kData + "[" + table + "]\n";
        CHECK_THAT(error_of(head + line + "\n"),
                   Contains("is not available in this version; available: "));
    };
    refused("model", "script = \"model.pt\"");
    refused("averaging", "wire = \"bfloat16\"");
    refused("averaging", "wire = \"int8\"");
    refused("averaging", "stale_drift = \"clip\"");
    refused("averaging", "stale_drift = \"drop\"");
    for (const char* name : {"csv", "npy"}) {
        refused("data", "source = \"" + std::string(name) + "\"");
    }
    refused("training", "device = \"cuda:0\"");
}

TEST_CASE("keys are 64 hexadecimal digits", "[config]") {
    const std::string key(64, 'a');
    const Config config =
        parsed(kData + "[node]\npeers = [\"" + key +
               "@node-b.example:7400\"]\n[security]\ntrusted_peers = [\"" + key + "\"]\n");
    CHECK(config.security.trusted_peers == std::vector<std::string>{key});
    const auto peer = protocol::parse_peer_address(config.node.peers.at(0));
    REQUIRE(peer);
    CHECK(peer->key->hex() == key);
    CHECK(peer->address == "node-b.example:7400");
    CHECK_THAT(error_of(kData + "[security]\ntrusted_peers = [\"abc\"]\n"),
               Contains("is no public key; allowed: 64 hexadecimal digits"));
    for (const std::string text : {"KEY@host:1", "@host:1"}) {
        CHECK_THAT(error_of(kData + "[node]\npeers = [\"" + text + "\"]\n"),
                   Contains("is no such address") && Contains("allowed: KEY@HOST:PORT"));
    }
}

TEST_CASE("addresses and names have a form", "[config]") {
    const auto node = [](const std::string& line) {
        return error_of(kData + "[node]\n" + line + "\n");
    };
    CHECK_THAT(node("bind = \"127.0.0.1:7400\""), Contains("allowed: tcp://HOST:PORT"));
    CHECK_THAT(node("bind = \"tcp://127.0.0.1:65534\""), Contains("a port up to 65533"));
    CHECK_THAT(node("bind = \"ipc:///tmp/x\""), Contains("allowed: tcp://HOST:PORT"));
    CHECK_THAT(node("advertise = \"host:0\""), Contains("allowed: HOST:PORT"));
    CHECK_THAT(node("peers = [\"host\"]"), Contains("allowed: KEY@HOST:PORT"));
    CHECK_THAT(node("peers = [\"a:1\", \"b:1\", \"a:1\"]"), Contains("\"a:1\" stands there twice"));
    CHECK_THAT(node("name = \"\""), Contains("is no name"));
    CHECK_THAT(node("network = \"two words\""), Contains("is no name"));
    CHECK_THAT(node("state_dir = \"\""), Contains("is no path"));
    CHECK_THAT(node("checkpoint_interval_s = 0"), Contains("1 to 86400"));
    CHECK_THAT(node("control = \"/" + std::string(107, 'x') + "\""), Contains("1 to 107 bytes"));
}

TEST_CASE("an observer needs no data, and may name only what kind there is", "[config]") {
    const std::string observer = "[node]\nrole = \"observer\"\n";
    const Config config = parsed(observer);
    CHECK(config.node.role == protocol::Role::observer);
    CHECK(parsed(kData).node.role == protocol::Role::member);
    // For the size of the images; no file is read.
    CHECK(parsed(observer + "[model]\nbuiltin = \"convnext\"\n[data]\nsource = \"cifar10\"\n")
              .data.source == "cifar10");
    CHECK_THAT(error_of(observer + "[model]\nbuiltin = \"convnext\"\n"), Contains("\"cifar10\""));
    CHECK(error_of(observer + "[data]\nsource = \"idx\"\npath = \"/srv\"\n") ==
          "test.toml:5:1: data.path: is not for node.role = \"observer\", which has no data and "
          "trains nothing; remove it");
    CHECK_THAT(error_of(observer + "[training]\nbatch_size = 8\n"),
               Contains("4:1: training.batch_size: is not for node.role"));
    CHECK_THAT(error_of(observer + "[data]\ntest = { samples = 5 }\n"),
               Contains("data.test.samples: is not for node.role"));
    CHECK_THAT(error_of(kData + "[node]\nrole = \"observe\"\n"),
               Contains("allowed: member, observer; did you mean \"observer\"?"));
    // Where it is a member it does need data.
    CHECK_THAT(error_of("[node]\nrole = \"member\"\n"), Contains("data.source: is missing"));
}

TEST_CASE("where the reference is written for other programs, and what is run then", "[config]") {
    const Config config = parsed(kData + R"([output]
path = "/srv/model.v2.npz"
every = 5
hook = ["/usr/local/bin/deploy", "--to", "a b", ""]
hook_timeout_s = 7
)");
    CHECK(config.output.path == "/srv/model.v2.npz");
    CHECK(config.output.every == 5);
    CHECK(config.output.hook ==
          std::vector<std::string>{"/usr/local/bin/deploy", "--to", "a b", ""});
    CHECK(config.output.hook_timeout_s == 7);
    CHECK(parsed(kData).output.path.empty());
    const auto output = [](const std::string& lines) {
        return error_of(kData + "[output]\n" + lines);
    };
    CHECK_THAT(output("path = \"model.onnx\"\n"),
               Contains("a path that ends in .pt, .pth (PyTorch) or .npz (NumPy)"));
    CHECK_THAT(output("hook = [\"/bin/true\"]\n"), Contains("output.hook: needs an output.path"));
    CHECK_THAT(output("every = 2\n"), Contains("output.every: needs an output.path"));
    CHECK_THAT(output("path = \"m.pt\"\nhook = [\"deploy\"]\n"),
               Contains("must begin with the whole path of a program"));
    CHECK_THAT(output("path = \"m.pt\"\nhook_timeout_s = 3\n"),
               Contains("output.hook_timeout_s: needs an output.hook"));
    CHECK_THAT(output("path = \"m.pt\"\nevery = 0\n"), Contains("1 to 1000000000"));
    CHECK_FALSE(effective_values(config).contains("output.path"));
}

TEST_CASE("values that exclude or need each other are told", "[config]") {
    CHECK(error_of("[data]\nsource = \"idx\"\n") ==
          "test.toml:2:1: data.path: is missing; sources \"idx\" and \"cifar10\" need the folder "
          "of the data set");
    CHECK_THAT(error_of(kData + "path = \"/srv\"\n"), Contains("3:1: data.path: is only for"));
    CHECK_THAT(error_of(kData + "test = { path = \"/srv\" }\n"), Contains("data.test.path"));
    CHECK_THAT(error_of("[data]\nsource = \"idx\"\npath = \"/srv\"\nsamples = 1\n"),
               Contains("data.samples: is only for source = \"synthetic-digits\""));
    CHECK_THAT(error_of("[data]\nsource = \"idx\"\npath = \"/srv\"\nseed = 1\n"),
               Contains("data.seed: is only for source = \"synthetic-digits\""));
    CHECK_THAT(error_of(kData + "shard = { index = 4, count = 4 }\n"),
               Contains("must be below data.shard.count"));
    CHECK_THAT(error_of(kData + "[model]\nhidden = [10]\n"), Contains("only for builtin"));
    CHECK_THAT(error_of(kData + "[model]\nsize = \"base\"\n"), Contains("\"convnext\""));
    CHECK_THAT(error_of(kData + "[model]\ndrop_path = 0.1\n"), Contains("\"convnext\""));
    CHECK_THAT(error_of(kData + "[model]\nbuiltin = \"convnext\"\n"), Contains("\"cifar10\""));
    CHECK_THAT(error_of(kData + "[model]\nbuiltin = \"densenet121\"\n"),
               Contains("4:1: model.builtin: ") && Contains("\"cifar10\""));
    CHECK(parsed("[data]\nsource = \"cifar10\"\npath = \"/srv\"\n[model]\nbuiltin = "
                 "\"densenet201\"\n")
              .model.builtin == "densenet201");
    CHECK_THAT(error_of(kData + "[training]\nmomentum = 0.9\n"), Contains("only for optimizer"));
    CHECK_THAT(error_of(kData + "[training]\nnesterov = true\n"), Contains("only for optimizer"));
    CHECK_THAT(error_of(kData + "[training]\noptimizer = \"sgd\"\nnesterov = true\n"),
               Contains("needs a momentum above 0"));
    CHECK_THAT(error_of(kData + "[training]\noptimizer = \"sgd\"\nepsilon = 0.1\n"),
               Contains("only for optimizer"));
    // Adam is the default.
    CHECK(error_of(kData + "[training]\nweight_decay = 0.01\n") ==
          "test.toml:4:1: training.weight_decay: must be 0 with optimizer = \"adam\"; remove it or "
          "choose \"adamw\", which decays");
    parsed(kData + "[training]\nweight_decay = 0\n");
    for (const char* decays : {"sgd", "adamw"}) {
        const Config config =
            parsed(kData + "[training]\noptimizer = \"" + decays + "\"\nweight_decay = 0.01\n");
        CHECK(config.training.weight_decay == 0.01);
    }
    CHECK_THAT(error_of(kData + "[training]\nexit_when_done = true\n"),
               Contains("needs a training.max_steps"));
}

TEST_CASE("interval:N is a monitor with its steps", "[config]") {
    const Config config = parsed(kData + "[averaging]\nmonitor = \"interval:50\"\n");
    CHECK(config.averaging.monitor == protocol::MonitorKind::interval);
    CHECK(config.averaging.interval == 50);
    CHECK(config.averaging.steps_between_checks() == 50);
    for (const char* text : {"interval", "interval:", "interval:0", "interval:-1", "interval:1.5",
                             "interval:2000000000", "interval:1x"}) {
        CAPTURE(text);
        CHECK_THAT(error_of(kData + "[averaging]\nmonitor = \"" + std::string(text) + "\"\n"),
                   Contains("interval:N (N steps, 1 to 1000000000)"));
    }
    CHECK_THAT(error_of(kData + "[averaging]\nmonitor = \"interval:9\"\ncheck_every = 2\n"),
               Contains("averaging.check_every: is not for monitor"));
}

TEST_CASE("an automatic threshold has a first one and a target", "[config]") {
    const std::string automatic = kData + "[averaging]\nthreshold = \"auto\"\n";
    const Config steps = parsed(automatic + "initial_threshold = 2\ntarget_interval_steps = 200\n");
    CHECK(steps.averaging.threshold == 2);
    CHECK(steps.averaging.threshold_rule ==
          protocol::ThresholdRule{protocol::ThresholdKind::interval, 200});
    const Config bytes = parsed(automatic + "initial_threshold = 2\ntarget_bytes_per_step = 1e3\n");
    CHECK(bytes.averaging.threshold_rule ==
          protocol::ThresholdRule{protocol::ThresholdKind::bytes, 1000});
    CHECK_THAT(error_of(automatic + "target_interval_steps = 200\n"),
               Contains("averaging.initial_threshold: is missing"));
    CHECK_THAT(error_of(automatic + "initial_threshold = 2\n"),
               Contains("averaging.target_interval_steps: is missing"));
    CHECK_THAT(error_of(automatic + "initial_threshold = 2\ntarget_interval_steps = 200\n"
                                    "target_bytes_per_step = 3\n"),
               Contains("two targets"));
    CHECK_THAT(error_of(kData + "[averaging]\nthreshold = \"automatic\"\n"),
               Contains("\"automatic\" is not allowed"));
    for (const char* line :
         {"initial_threshold = 2", "target_interval_steps = 9", "target_bytes_per_step = 9"}) {
        CHECK_THAT(error_of(kData + "[averaging]\n" + line + "\n"),
                   Contains("is only for threshold = \"auto\""));
    }
    for (const char* monitor : {"every-step", "interval:5"}) {
        CHECK_THAT(error_of(automatic +
                            "initial_threshold = 2\ntarget_interval_steps = 200\n"
                            "monitor = \"" +
                            monitor + "\"\n"),
                   Contains("has no condition"));
    }
}

TEST_CASE("an outer optimizer has its own rate unless it is told", "[config]") {
    const auto outer = [](const std::string& lines) {
        return parsed(kData + "[averaging]\n" + lines).averaging.outer;
    };
    CHECK(outer("outer_optimizer = \"momentum\"\n").learning_rate == 1);
    CHECK(outer("outer_optimizer = \"nesterov\"\n").learning_rate == 0.7);
    CHECK(outer("outer_optimizer = \"adam\"\n").learning_rate == 0.001);
    const auto told = outer(
        "outer_epsilon = 0.001\nouter_beta2 = 0.99\nouter_momentum = 0.5\n"
        "outer_learning_rate = 0.1\nouter_optimizer = \"adam\"\n");
    CHECK(told == protocol::OuterOptimizer{protocol::OuterKind::adam, 0.1, 0.5, 0.99, 0.001});
    for (const char* line : {"outer_learning_rate = 1", "outer_momentum = 0.1"}) {
        CHECK_THAT(error_of(kData + "[averaging]\n" + line + "\n"),
                   Contains("is not for outer_optimizer = \"average\""));
    }
    for (const char* line : {"outer_beta2 = 0.9", "outer_epsilon = 0.1"}) {
        CHECK_THAT(error_of(kData + "[averaging]\nouter_optimizer = \"momentum\"\n" + line + "\n"),
                   Contains("is only for outer_optimizer = \"adam\""));
    }
}

TEST_CASE("splits are read as they are written", "[config]") {
    for (const char* text :
         {"iid", "label:0", "label:3", "label:255", "sorted:0.6", "dirichlet:0.1", "unequal:4"}) {
        const Config config = parsed(kData + "shard = { split = \"" + std::string(text) + "\" }\n");
        REQUIRE(config.data.shard);
        CHECK(text_of(config.data.shard->split) == text);
    }
    for (const char* text : {"",
                             "IID",
                             "iid ",
                             "iid:1",
                             "label",
                             "label:",
                             "label:-1",
                             "label:1.5",
                             "label:256",
                             "label:x",
                             "sorted",
                             "sorted:",
                             "sorted:0",
                             "sorted:1.1",
                             "sorted:-0.1",
                             "sorted:nan",
                             "sorted:0.5x",
                             "dirichlet",
                             "dirichlet:0",
                             "dirichlet:inf",
                             "unequal:0.5",
                             "unequal:1001"}) {
        CAPTURE(text);
        CHECK_THAT(error_of(kData + "shard = { split = \"" + std::string(text) + "\" }\n"),
                   Contains("allowed: iid, label:Y"));
    }
    CHECK_THAT(error_of(kData + "drift = \"pixels\"\n"), Contains("needs a data.drift_at"));
}

TEST_CASE("all problems are told at once, in the order of the file", "[config]") {
    CHECK(error_of(
              "[training]\nbatch = 1\nseed = -1\n[averaging]\nwire = 8\n[node]\nname = \"\"\n") ==
          "test.toml: data.source: is missing; allowed: synthetic-digits, idx, cifar10\n"
          "test.toml:2:1: training.batch: unknown key; did you mean training.batch_size?\n"
          "test.toml:3:1: training.seed: -1 is not allowed; allowed: 0 or more\n"
          "test.toml:5:1: averaging.wire: must be a string: float32, but is 8 (integer)\n"
          "test.toml:7:1: node.name: \"\" is no name; allowed: 1 to 64 letters, digits, '.', '_', "
          "'-'");
}

TEST_CASE("a wrong value does not make its rules complain too", "[config]") {
    const std::string error = error_of("[data]\nsource = \"idxx\"\npath = \"/srv\"\n");
    CHECK(error.find('\n') == std::string::npos);
    CHECK_THAT(error, Contains("data.source"));
}

TEST_CASE("what is no TOML is told with its place", "[config]") {
    CHECK_THAT(error_of("[data\n"), Contains("test.toml:1:"));
    CHECK_THAT(error_of("[data]\nsource = \n"), Contains("test.toml:2:"));
    CHECK_THAT(error_of("[data]\nsource = \"a\"\nsource = \"b\"\n"), Contains("test.toml:3:"));
    CHECK_THAT(error_of("\xff\xfe"), Contains("test.toml:1:"));
}

TEST_CASE("a file that can't be read is an error", "[config]") {
    CHECK_THAT(load_config("/nonexistent/dynavg.toml").error().message,
               Contains("/nonexistent/dynavg.toml: cannot be read: No such file"));
    CHECK_THAT(load_config("/").error().message, Contains("cannot be read: Is a directory"));
}

TEST_CASE("damaged files are read or refused, never worse", "[config]") {
    const std::filesystem::path file =
        std::filesystem::path(DYNAVG_SOURCE_DIR) / "systemd/dynavg.toml";
    std::ifstream stream(file);
    const std::string whole((std::istreambuf_iterator<char>(stream)), {});
    REQUIRE(!whole.empty());
    std::mt19937 random(20260101);
    for (int i = 0; i < 500; ++i) {
        std::string text = whole;
        for (int k = 0; k < 5; ++k) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = static_cast<char>(random());
                    break;
                case 1:
                    text.erase(at, random() % 20);
                    break;
                default:
                    text.insert(at, 1, "=[]{}\"#\n."[random() % 9]);
                    break;
            }
        }
        const auto config = parse_config(text, "damaged.toml");
        if (!config) CHECK_THAT(config.error().message, Contains("damaged.toml:"));
    }
}
