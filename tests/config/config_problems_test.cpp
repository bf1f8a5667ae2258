#include "tests/config/read_text.hpp"

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

TEST_CASE("text that is no TOML is refused with its place", "[config]") {
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
