#include "tools/report/chart.hpp"

#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;

namespace {

Chart chart() {
    Chart chart;
    chart.id = "c";
    chart.title = "Accuracy";
    chart.description = "A line.";
    chart.x = {"bytes", Scale::logarithmic, Quantity::bytes, false, {}};
    chart.y = {"accuracy", Scale::linear, Quantity::number, false, {}};
    chart.series = {{"one", 0, true, true, {{1e3, 0.5, "first"}, {1e6, 0.75, "second"}}}};
    return chart;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
}

}  // namespace

TEST_CASE("a chart has a name, a description, a legend, and a title per point", "[chart]") {
    const std::string text = figure(chart());
    CHECK_THAT(text, Contains("role=\"img\" aria-labelledby=\"c-t c-d\""));
    CHECK_THAT(text, Contains("<title id=\"c-t\">Accuracy</title><desc id=\"c-d\">A line.</desc>"));
    CHECK_THAT(text, Contains("<ul class=\"legend\"><li>"));
    CHECK_THAT(text, Contains("<title>first</title></circle>"));
    CHECK_THAT(text, Contains(">100 kB</text>"));
    CHECK(count(text, "<circle") == 3);  // One of them in the legend.
}

TEST_CASE("points are where the axes say", "[chart]") {
    // From 74 to 694 across, from 368 up to 12.
    CHECK_THAT(figure(chart()), Contains("d=\"M74.0 368.0L694.0 12.0\""));
}

TEST_CASE("a value without a place leaves a gap", "[chart]") {
    Chart broken = chart();
    const double none = std::numeric_limits<double>::quiet_NaN();
    broken.series[0].points.insert(broken.series[0].points.begin() + 1, {1e4, none, "lost"});
    broken.series[0].points.push_back({0, 0.6, "at zero"});
    const std::string text = figure(broken);
    CHECK_THAT(text, Contains("d=\"M74.0 368.0M694.0 12.0\""));
    CHECK_THAT(text, !Contains("nan"));
    CHECK_THAT(text, !Contains("lost"));
    CHECK_THAT(text, !Contains("at zero"));
}

TEST_CASE("a value that is too high is an arrow at the edge", "[chart]") {
    Chart high = chart();
    high.y.max = 0.75;
    high.series[0].points.push_back({1e5, 1000, "beyond"});
    CHECK_THAT(figure(high), Contains("class=\"arrow\" d=\"M487.3 12.0l4 7h-8z\"><title>beyond"));
}

TEST_CASE("a chart of nothing says so", "[chart]") {
    Chart empty = chart();
    empty.series[0].points = {{0, 1, ""}};
    CHECK_THAT(figure(empty), Contains("There is nothing to draw."));
    CHECK_THAT(figure(empty), !Contains("<svg"));
}

TEST_CASE("a legend has every look once", "[chart]") {
    Chart many = chart();
    many.series.push_back(many.series[0]);
    many.series.push_back({"two <b>", 8, true, true, {{1e4, 0.6, "<i>"}}});
    const std::string text = figure(many);
    CHECK(count(text, "<li>") == 2);
    CHECK_THAT(text, Contains("</svg>two &lt;b&gt;</li>"));
    CHECK_THAT(text, Contains("class=\"markers c1 d1\""));
    CHECK_THAT(text, !Contains("<i>"));
}
