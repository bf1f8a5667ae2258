#include "tools/report/charts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/catch.hpp"
#include "tests/tools/report/sample_runs.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;

namespace {

const Series& series(const Chart& chart, const std::string& name) {
    const auto found = std::find_if(chart.series.begin(), chart.series.end(),
                                    [&name](const Series& one) { return one.name == name; });
    REQUIRE(found != chart.series.end());
    return *found;
}

}  // namespace

TEST_CASE("bytes by the papers' formula grow with rounds and steps", "[charts]") {
    const Run run = sample_run("linear", 3, 1, 36);
    // 12 parameters x 8 bytes x 10 peers per round, and 80 bytes per step.
    CHECK(paper_bytes_at(run, run.epochs[0]) == 18 * 960.0 + 50 * 80.0);
    CHECK(paper_bytes_at(run, run.epochs[1]) == static_cast<double>(run.result->bytes_paper));
    Run unfinished = run;
    unfinished.result.reset();
    CHECK_FALSE(paper_bytes_at(unfinished, run.epochs[0]));
}

TEST_CASE("accuracy is drawn against both kinds of bytes and against steps", "[charts]") {
    Run unfinished = sample_run("linear", 3, 2);
    unfinished.result.reset();
    const auto groups = make_groups({sample_run("linear", 3, 1), unfinished});
    const auto charts = accuracy_charts(groups);
    REQUIRE(charts.size() == 3);
    CHECK(charts[0].series.size() == 1);  // What a run took by the formula is known at its end.
    CHECK(charts[1].series.size() == 2);
    CHECK(charts[2].series.size() == 2);
    CHECK(charts[0].x.scale == Scale::logarithmic);
    CHECK(charts[1].series[0].points[0].x == 5000 + 18'000);
    CHECK(charts[2].series[1].points[1].x == 100);
    CHECK_THAT(charts[1].series[1].points[1].title, Contains("seed 2, not finished\nepoch 2"));
    CHECK(accuracy_charts({}).empty());
}

TEST_CASE("a common target is a line across", "[charts]") {
    Run run = sample_run("linear", 3, 1);
    run.settings.target_accuracy = 0.985;
    const auto charts = accuracy_charts(make_groups({run}));
    const Series& target = series(charts[2], "target 98.5 %");
    CHECK(target.points.front().y == 0.985);
    CHECK(target.points.front().x == 50);
    CHECK(target.points.back().x == 100);
}

TEST_CASE("reaching the target is a point per run that did", "[charts]") {
    Run run = sample_run("linear", 3, 1);
    CHECK(target_charts(make_groups({run})).empty());
    run.settings.target_accuracy = 0.98;
    run.result->reached_target = 80;
    const auto charts = target_charts(make_groups({run, sample_run("norm", 3, 1)}));
    REQUIRE(charts.size() == 2);
    REQUIRE(charts[0].series.size() == 1);
    CHECK(charts[0].series[0].points[0].x == static_cast<double>(run.result->bytes_paper));
    CHECK(charts[1].series[0].points[0].x == static_cast<double>(run.result->bytes_total));
    CHECK(charts[1].series[0].points[0].y == 80);
}

TEST_CASE("the chart of bytes per peer has the number of peers as its axis", "[charts]") {
    const auto of_peers = [](std::uint64_t peers, const std::string& monitor) {
        Run run = sample_run(monitor, 3, 1);
        run.settings.peers = peers;
        run.settings.all["peers"] = std::to_string(peers);
        run.result->bytes_averaging = 1000 * peers * run.result->rounds;
        run.result->bytes_monitoring = 7 * peers * peers * run.result->steps;
        return run;
    };
    CHECK_FALSE(growth_chart(make_groups({of_peers(4, "linear"), of_peers(8, "norm")})));
    const auto chart = growth_chart(
        make_groups({of_peers(16, "linear"), of_peers(4, "linear"), of_peers(8, "norm")}));
    REQUIRE(chart);
    REQUIRE(chart->series.size() == 3);
    const Series& averaging = chart->series[0];
    REQUIRE(averaging.points.size() == 2);
    CHECK_THAT(averaging.name, Contains("linear, threshold 3: averaging per round"));
    CHECK(averaging.points[0].x == 4);
    CHECK(averaging.points[0].y == 1000);
    CHECK(averaging.points[1].x == 16);
    CHECK(chart->series[1].points[1].y == 7 * 16);
}

TEST_CASE("a chart of rounds has estimate, variance and threshold", "[charts]") {
    Run run = sample_run("linear", 3, 1, 4);
    run.rounds[2].threshold = 4;
    run.rounds[3].estimate = std::numeric_limits<double>::quiet_NaN();
    const Chart chart = round_chart(run, "r", "linear");
    CHECK(chart.note == "4 rounds, 1 whose caller crashed.");
    CHECK(series(chart, "estimate").points.size() == 3);
    CHECK(series(chart, "exact variance").points.size() == 4);
    CHECK_THAT(series(chart, "estimate").points[0].title, Contains("estimate 3.1"));
    std::vector<double> steps;
    for (const Point& point : series(chart, "threshold").points) steps.push_back(point.y);
    CHECK(steps == std::vector<double>{3, 3, 3, 4, 4, 3});
}

TEST_CASE("synchronous training has variances only", "[charts]") {
    Run run = sample_run("every-step", 5, 1, 3);
    for (RoundRow& row : run.rounds) row.estimate = std::numeric_limits<double>::infinity();
    const Chart chart = round_chart(run, "r", "every-step");
    REQUIRE(chart.series.size() == 1);
    CHECK(chart.series[0].name == "exact variance");
    CHECK(chart.note == "3 rounds, 3 without an estimate.");
}

TEST_CASE("thousands of rounds are thinned, and a wild one does not flatten the rest", "[charts]") {
    Run run = sample_run("linear", 3, 1, 20'000);
    run.rounds[7777].estimate = 4000;
    const Chart chart = round_chart(run, "r", "linear");
    const Series& estimates = series(chart, "estimate");
    CHECK(estimates.points.size() <= 182);
    CHECK_THAT(chart.note, Contains("20,000 rounds; drawn are"));
    CHECK(chart.y.max.value() == Approx(1.2 * 3.1));
    CHECK(std::any_of(estimates.points.begin(), estimates.points.end(),
                      [](const Point& point) { return point.y == 4000; }));
}
