#include "daemon/outputs/metrics.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>

#include "daemon/outputs/health.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using Catch::Matchers::Contains;

namespace {

MetricsInputs full() {
    MetricsInputs inputs;
    inputs.status.node = "no\"de\\\na";
    inputs.status.version = "0.1.0";
    inputs.status.training = "paused";
    inputs.status.peers_live = 3;
    inputs.status.epoch = 7;
    inputs.status.steps = std::numeric_limits<std::uint64_t>::max();
    inputs.status.estimate = 3.25;
    inputs.status.drift = 2.5;
    inputs.status.clock_skew_s = -1.25;
    inputs.status.threshold = 5;
    inputs.status.accuracy = 0.98;
    inputs.status.loss = std::numeric_limits<double>::infinity();
    inputs.status.round = control::RoundStatus{8, 0, 3, 1500, "crossing"};
    inputs.status.health = {{"disk-low", "make room"}};
    inputs.rounds = {
        .committed = 10, .incomplete = 2, .adopted = 1, .restarted = 4, .seconds = 2.5};
    inputs.traffic.sent = {1, 2, 3};
    inputs.traffic.received = {4, 5, 6};
    inputs.log = {.suppressed = 8, .lost = 9};
    inputs.disk_free = 123;
    return inputs;
}

std::string source_text(const std::string& path) {
    std::ifstream stream(std::filesystem::path(DYNAVG_SOURCE_DIR) / path);
    REQUIRE(stream);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::set<std::string> metrics_in(const std::string& text) {
    std::set<std::string> names;
    const std::regex name("dynavg_[a-z_]+");
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
        names.insert(it->str());
    }
    return names;
}

}  // namespace

TEST_CASE("the text is what a scraper reads", "[metrics]") {
    const std::string text = exposition(full());
    CHECK(text.back() == '\n');
    // Every line is a comment or a sample of the family above it.
    const std::regex sample(
        R"re(([a-z_]+)(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? )re"
        R"re((NaN|[+-]Inf|-?[0-9.]+(e[+-]?[0-9]+)?))re");
    std::istringstream lines(text);
    std::string family;
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(seen.insert(family).second);
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.starts_with("# TYPE " + family + " "));
        } else {
            std::smatch parts;
            REQUIRE(std::regex_match(line, parts, sample));
            CHECK((parts[1] == family || parts[1] == family + "_sum" ||
                   parts[1] == family + "_count"));
        }
    }
    CHECK(seen.size() == metric_families().size());
}

TEST_CASE("the numbers are those of the status", "[metrics]") {
    const std::string text = exposition(full());
    for (const char* line : {"dynavg_build_info{version=\"0.1.0\",node=\"no\\\"de\\\\\\na\","
                             "network=\"\",model=\"\"} 1\n",
                             "\ndynavg_peers_live 3\n",
                             "\ndynavg_epoch 7\n",
                             "\ndynavg_steps_total 18446744073709551615\n",
                             "\ndynavg_variance_estimate 3.25\n",
                             "\ndynavg_drift_squared 2.5\n",
                             "\ndynavg_clock_skew_seconds -1.25\n",
                             "\ndynavg_variance_threshold 5\n",
                             "\ndynavg_reference_accuracy 0.98\n",
                             "\ndynavg_reference_loss +Inf\n",
                             "\ndynavg_rounds_total{outcome=\"complete\"} 8\n",
                             "\ndynavg_rounds_total{outcome=\"incomplete\"} 2\n",
                             "\ndynavg_rounds_total{outcome=\"adopted\"} 1\n",
                             "\ndynavg_round_attempts_restarted_total 4\n",
                             "\ndynavg_round_duration_seconds_sum 2.5\n",
                             "\ndynavg_round_duration_seconds_count 10\n",
                             "\ndynavg_round_open_seconds 1.5\n",
                             "\ndynavg_sent_bytes_total{kind=\"averaging\"} 2\n",
                             "\ndynavg_received_bytes_total{kind=\"overhead\"} 6\n",
                             "\ndynavg_log_lines_suppressed_total 8\n",
                             "\ndynavg_log_lines_lost_total 9\n",
                             "\ndynavg_health{finding=\"disk-low\"} 1\n",
                             "\ndynavg_health{finding=\"no-peers\"} 0\n",
                             "\ndynavg_training_state{state=\"paused\"} 1\n",
                             "\ndynavg_training_state{state=\"running\"} 0\n",
                             "\ndynavg_disk_free_bytes 123\n"}) {
        CHECK_THAT(text, Contains(line));
    }
}

TEST_CASE("unknown values are left out", "[metrics]") {
    const std::string text = exposition({});
    for (const char* name : {"dynavg_variance_estimate", "dynavg_drift_squared",
                             "dynavg_reference_accuracy", "dynavg_disk_free_bytes"}) {
        CHECK(text.find(name) == std::string::npos);
    }
    CHECK_THAT(text, Contains("\ndynavg_round_open_seconds 0\n"));
}

TEST_CASE("names keep to the conventions", "[metrics]") {
    for (const MetricFamily& family : metric_families()) {
        CAPTURE(family.name);
        CHECK(family.name.starts_with("dynavg_"));
        CHECK((family.type == MetricType::counter) == family.name.ends_with("_total"));
        CHECK(family.help.back() == '.');
        CHECK(family.help.find('\n') == std::string_view::npos);
    }
}

TEST_CASE("every metric and finding is in docs/operations.md, and alerts name none that is not",
          "[metrics]") {
    const std::string docs = source_text("docs/operations.md");
    std::set<std::string> known;
    for (const MetricFamily& family : metric_families()) {
        known.emplace(family.name);
        CAPTURE(family.name);
        CHECK_THAT(docs, Contains("| `" + std::string(family.name) + "` | " +
                                  std::string(name_of(family.type)) + " | " +
                                  std::string(family.help) + " |"));
        if (family.type != MetricType::summary) continue;
        known.emplace(std::string(family.name) + "_sum");
        known.emplace(std::string(family.name) + "_count");
    }
    for (const std::string& name : health_names()) CHECK_THAT(docs, Contains("| `" + name + "` |"));
    const std::string alerts = source_text("docs/alerts.yml");
    for (const std::string& name : metrics_in(alerts)) {
        CAPTURE(name);
        CHECK(known.contains(name));
    }
    // Each alert stands beside a metric.
    const std::regex alert("alert: ([A-Za-z]+)");
    std::size_t count = 0;
    for (std::sregex_iterator it(alerts.begin(), alerts.end(), alert), end; it != end; ++it) {
        ++count;
        CHECK_THAT(docs, Contains("`" + (*it)[1].str() + "`"));
    }
    CHECK(count >= 8);
}
