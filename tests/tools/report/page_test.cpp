#include "tools/report/page.hpp"

#include <set>

#include "tests/catch.hpp"
#include "tests/tools/report/sample_runs.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;

namespace {

/// The fault in the nesting of the elements, or nothing. Of texts without comments.
std::string unbalanced(const std::string& text) {
    std::vector<std::string> open;
    for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos; ++at) {
        const std::string tag = text.substr(at + 1, text.find('>', at) - at - 1);
        if (tag.starts_with("!DOCTYPE") || tag.starts_with("meta") || tag.ends_with("/")) continue;
        const std::string name = tag.substr(0, tag.find_first_of(" \n"));
        if (!name.starts_with("/")) {
            open.push_back(name);
        } else if (open.empty() || "/" + open.back() != name) {
            return "<" + name + "> at " + std::to_string(at);
        } else {
            open.pop_back();
        }
    }
    return open.empty() ? "" : "<" + open.back() + "> stays open";
}

std::string sample_page() {
    Run unfinished = sample_run("norm", 3, 1);
    unfinished.result.reset();
    unfinished.problems = {"results/norm-1/summary.json: is <cut> off"};
    Run odd = sample_run("</script><img src=x onerror=alert(1)>", 3, 1);
    odd.rounds[0].reason = "<b>";
    Run target = sample_run("linear", 3, 1);
    target.settings.target_accuracy = 0.97;
    target.result->reached_target = 100;
    return page(make_groups(
        {target, sample_run("linear", 1, 1), sample_run("linear", 1, 2), unfinished, odd}));
}

}  // namespace

TEST_CASE("a page stands alone: no script, nothing to load", "[page]") {
    const std::string text = sample_page();
    for (const char* forbidden :
         {"<script", "<link", "<img", "http:", "https:", "url(", "@import", "src=", "href="}) {
        CAPTURE(forbidden);
        // The one in the evil name is escaped.
        const std::string found(forbidden);
        CHECK(text.find(found) ==
              (found == "src=" ? text.find("&lt;img src=") + 8 : std::string::npos));
    }
    CHECK_THAT(text, Contains("<!DOCTYPE html>"));
    CHECK_THAT(text, Contains("prefers-color-scheme: dark"));
    CHECK_THAT(text, Contains("@media print"));
}

TEST_CASE("a page is well formed, whatever stands in the files", "[page]") {
    const std::string text = sample_page();
    CHECK(unbalanced(text) == "");
    CHECK_THAT(text, Contains("&lt;/script&gt;&lt;img"));
    CHECK_THAT(text, !Contains("<b>"));
    CHECK_THAT(text, Contains("is &lt;cut&gt; off"));
    std::set<std::string> ids;
    const std::string id = " id=\"";
    for (std::size_t at = 0; (at = text.find(id, at)) != std::string::npos;) {
        at += id.size();
        CHECK(ids.insert(text.substr(at, text.find('"', at) - at)).second);
    }
    CHECK(ids.size() > 10);
}

TEST_CASE("a page has a table, charts and the list of unfinished runs", "[page]") {
    const std::string text = sample_page();
    CHECK_THAT(text, Contains("<th scope=\"col\""));
    CHECK_THAT(text, Contains("<small>0.9810 to 0.9820</small>"));
    CHECK_THAT(text, Contains("<h2>Not finished</h2>"));
    CHECK_THAT(text, Contains("<li>results/norm-1</li>"));
    CHECK_THAT(text, Contains("Accuracy against bytes, on the wire"));
    CHECK_THAT(text, Contains("What the target took"));
    CHECK_THAT(text, Contains("Runs of other seeds: 1<"));
    CHECK(text == sample_page());
}

TEST_CASE("a grid of a hundred long runs makes a page of a few megabytes", "[page]") {
    std::vector<Run> runs;
    for (std::uint64_t i = 0; i < 100; ++i) {
        runs.push_back(sample_run("linear", static_cast<double>(1 + i / 5), i % 5, 2000));
    }
    CHECK(page(make_groups(std::move(runs))).size() < 12'000'000);
}
