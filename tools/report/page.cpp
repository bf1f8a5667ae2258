#include "tools/report/page.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/report/charts.hpp"
#include "tools/report/numbers.hpp"
#include "tools/report/style.hpp"
#include "tools/report/table.hpp"

namespace dynavg::report {

namespace {

std::string table_html(const std::vector<Group>& groups) {
    const ComparisonTable table = comparison(groups);
    std::string text;
    if (table.rows == 0) return text;
    if (!table.common.empty()) {
        text += fmt::format("<p>All runs: {}.</p>\n",
                            html(fmt::format("{}", fmt::join(table.common, ", "))));
    }
    text +=
        "<div class=\"scroll\" role=\"region\" aria-label=\"Comparison of the runs\" "
        "tabindex=\"0\"><table>\n<thead><tr>";
    const auto alignment = [](const Column& column) {
        return column.is_number ? " class=\"n\"" : "";
    };
    for (const Column& column : table.columns) {
        text += fmt::format("<th scope=\"col\"{} title=\"{}\">{}</th>", alignment(column),
                            html(column.meaning), html(column.title));
    }
    text += "</tr></thead>\n<tbody>\n";
    for (std::size_t row = 0; row < table.rows; ++row) {
        text += "<tr>";
        for (const Column& column : table.columns) {
            const Cell& cell = column.cells[row];
            text += fmt::format(
                "<td{}>{}{}</td>", alignment(column), html(cell.text),
                cell.range.empty() ? "" : fmt::format("<small>{}</small>", html(cell.range)));
        }
        text += "</tr>\n";
    }
    text += "</tbody></table></div>\n<details><summary>What the columns mean</summary><dl>\n";
    for (const Column& column : table.columns) {
        text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html(column.title), html(column.meaning));
    }
    return text + "</dl></details>\n";
}

std::string list_of(const std::vector<std::string>& lines, const char* kind) {
    std::string text = fmt::format("<ul class=\"{}\">", kind);
    for (const std::string& line : lines) text += fmt::format("<li>{}</li>\n", html(line));
    return text + "</ul>\n";
}

std::string warnings_html(const std::vector<Group>& groups) {
    std::vector<std::string> unfinished;
    std::vector<std::string> problems;
    for (const Group& group : groups) {
        for (const Run& run : group.runs) {
            if (!run.result) unfinished.push_back(run.name);
            problems.insert(problems.end(), run.problems.begin(), run.problems.end());
        }
    }
    std::string text;
    if (!unfinished.empty()) {
        text +=
            "<h2>Not finished</h2>\n<p>These have no summary.json that can be read: they run "
            "still, or were interrupted. Their results so far are drawn, and "
            "are in no median of the table.</p>\n" +
            list_of(unfinished, "note");
    }
    if (!problems.empty()) {
        text += "<h2>What could not be read</h2>\n" + list_of(problems, "problems");
    }
    return text;
}

std::string charts_html(const std::vector<Chart>& charts) {
    std::string text = "<div class=\"charts\">\n";
    for (const Chart& chart : charts) text += figure(chart);
    return text + "</div>\n";
}

/// One run of each group, and the others behind a fold.
std::string rounds_html(const std::vector<Group>& groups) {
    std::string shown = "<div class=\"charts many\">\n";
    std::string folded = shown;
    std::size_t number = 0;
    std::size_t others = 0;
    for (const Group& group : groups) {
        bool is_first = true;
        for (const Run& run : group.runs) {
            if (run.rounds.empty()) continue;
            const Chart chart = round_chart(run, fmt::format("rounds-{}", ++number), group.label);
            (is_first ? shown : folded) += figure(chart);
            others += is_first ? 0 : 1;
            is_first = false;
        }
    }
    if (number == 0) return "<p>No run has a round.</p>\n";
    shown += "</div>\n";
    if (others == 0) return shown;
    return shown + fmt::format(
                       "<details><summary>Runs of other seeds: {}</summary>\n"
                       "{}</div></details>\n",
                       others, folded);
}

}  // namespace

std::string page(const std::vector<Group>& groups) {
    std::size_t runs = 0;
    std::size_t finished = 0;
    for (const Group& group : groups) {
        runs += group.runs.size();
        finished += group.finished;
    }
    std::string text = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>dynavg: {} runs</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Dynamic averaging: {} runs</h1>\n<p class=\"note\">{} finished. Of runs that differ "
        "in their seeds only, a row has the median, and below it the least and the greatest "
        "value.</p>\n",
        runs, page_style(), runs, finished);
    text += table_html(groups);
    text += warnings_html(groups);
    if (const auto charts = target_charts(groups); !charts.empty()) {
        text +=
            "<h2>What the target took</h2>\n<p class=\"note\">Bytes saved may cost steps: "
            "a point per run that reached the target.</p>\n" +
            charts_html(charts);
    }
    text +=
        "<h2>Accuracy</h2>\n<p class=\"note\">A curve per run, a point per epoch; equal "
        "colours differ in the seed. Where accuracies spread far, the scale is that of the "
        "error (1 - accuracy), logarithmic. The papers' formula: rounds x 8 x parameters x "
        "peers + checks x peers x bytes of a state. The bytes on the wire are encoded "
        "messages; the messages beside states and models are in the table only.</p>\n" +
        charts_html(accuracy_charts(groups));
    if (const auto chart = growth_chart(groups)) {
        text +=
            "<h2>Growth</h2>\n<p class=\"note\">Bytes on the wire per peer: models and "
            "words about a round per round, states per step.</p>\n" +
            charts_html({*chart});
    }
    text +=
        "<h2>Rounds</h2>\n<p class=\"note\">What called each round, and how far apart the "
        "models were. A point at the upper edge that is an arrow lies above it; the pointer "
        "on a point shows its values.</p>\n" +
        rounds_html(groups);
    return text + "</main>\n</body>\n</html>\n";
}

}  // namespace dynavg::report
