#include "tools/report/table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control/escape.hpp"
#include "tools/report/numbers.hpp"

namespace dynavg::report {

namespace {

constexpr const char* kNone = "-";
/// Less of a median is not worth its room on a terminal; a page has it.
constexpr double kSpreadMin = 0.0005;

enum class Spread : std::uint8_t { relative, absolute };

template <class Show>
Cell cell_of(const std::optional<Statistic>& statistic, Spread spread, Show show) {
    if (!statistic) return {kNone, "", ""};
    Cell cell{show(statistic->median), "", ""};
    if (statistic->min == statistic->max) return cell;
    cell.range = show(statistic->min) + " to " + show(statistic->max);
    const double half = (statistic->max - statistic->min) / 2;
    if (half < kSpreadMin * std::abs(statistic->median)) return cell;
    cell.spread = spread == Spread::absolute || statistic->median == 0
                      ? "+-" + show(half)
                      : fmt::format("+-{:.2g}%", 100 * half / std::abs(statistic->median));
    return cell;
}

std::string accuracy_text(double accuracy) {
    return fmt::format("{:.4f}", accuracy);
}

Cell target_cell(const Group& group) {
    if (!group.settings.target_accuracy || group.finished == 0) return {kNone, "", ""};
    if (group.reached == 0) return {"not reached", "", ""};
    Cell cell = cell_of(group.reached_target, Spread::relative, count_text);
    if (group.reached < group.finished) {
        cell.text += fmt::format(" ({} of {})", group.reached, group.finished);
    }
    return cell;
}

/// Whether a whole grid was finished shows in each row.
std::string runs_text(const Group& group) {
    if (group.finished == group.runs.size()) return fmt::format("{}", group.finished);
    if (group.finished == 0 && group.runs.size() == 1) return "not finished";
    return fmt::format("{} of {}", group.finished, group.runs.size());
}

using Groups = std::vector<const Group*>;

/// Collects columns; a setting that all groups share goes to `common`.
class Maker {
public:
    explicit Maker(const Groups& groups) : m_groups(groups) { m_table.rows = groups.size(); }

    template <class Show>
    void setting(const std::string& title, const std::string& meaning, bool is_number, Show show) {
        Column column{title, meaning, is_number, {}};
        for (const Group* group : m_groups) {
            const std::string text = show(group->settings);
            column.cells.push_back({text.empty() ? kNone : text, "", ""});
        }
        const std::string& first = column.cells.front().text;
        const bool same = std::all_of(column.cells.begin(), column.cells.end(),
                                      [&first](const Cell& cell) { return cell.text == first; });
        if (same && first == kNone) return;
        if (same && m_groups.size() > 1) {
            m_table.common.push_back(title + " " + first);
        } else {
            m_table.columns.push_back(std::move(column));
        }
    }

    template <class Show>
    void result(const std::string& title, const std::string& meaning, Show show) {
        Column column{title, meaning, true, {}};
        for (const Group* group : m_groups) column.cells.push_back(show(*group));
        m_table.columns.push_back(std::move(column));
    }

    void bytes(const std::string& title, const std::string& meaning,
               std::optional<Statistic> Group::*member) {
        result(title, meaning, [member](const Group& group) {
            return cell_of(group.*member, Spread::relative, bytes_text);
        });
    }

    void ratio(const std::string& title, const std::string& meaning,
               std::optional<double> Group::*member) {
        result(title, meaning, [member](const Group& group) {
            const std::optional<double>& value = group.*member;
            return Cell{value ? ratio_text(*value) : kNone, "", ""};
        });
    }

    void distinction() {
        Column column{"differs in", "the difference of runs that else are equal", false, {}};
        bool is_needed = false;
        for (const Group* group : m_groups) {
            is_needed |= !group->distinction.empty();
            column.cells.push_back({group->distinction, "", ""});
        }
        if (is_needed) m_table.columns.push_back(std::move(column));
    }

    ComparisonTable finish() { return std::move(m_table); }

private:
    const Groups& m_groups;
    ComparisonTable m_table;
};

void add_settings(Maker& maker) {
    maker.setting("model", "the model that was trained", false,
                  [](const Settings& s) { return s.model; });
    maker.setting("monitor", "the rule for when models are averaged", false,
                  [](const Settings& s) { return s.monitor; });
    maker.setting("threshold", "Theta: a round starts when the variance estimate is above it", true,
                  [](const Settings& s) {
                      return s.threshold && !is_synchronous(s) ? number_text(*s.threshold)
                                                               : std::string();
                  });
    maker.setting("outer optimizer", "the rule that is applied to the mean of the models", false,
                  [](const Settings& s) { return s.outer_optimizer; });
    maker.setting("peers", "how many train", true,
                  [](const Settings& s) { return s.peers ? grouped(*s.peers) : std::string(); });
    maker.setting("target", "the accuracy at which a run ends", true, [](const Settings& s) {
        return s.target_accuracy ? number_text(*s.target_accuracy) : std::string();
    });
}

void add_results(Maker& maker, bool has_target) {
    maker.result("runs", "finished runs, which differ in their seeds only", [](const Group& group) {
        return Cell{runs_text(group), "", ""};
    });
    maker.result("steps", "steps of every peer", [](const Group& group) {
        return cell_of(group.steps, Spread::relative, count_text);
    });
    maker.result("epochs", "passes of all peers together over the data", [](const Group& group) {
        return cell_of(group.epochs, Spread::relative, number_text);
    });
    maker.result("rounds", "how often all models were averaged", [](const Group& group) {
        return cell_of(group.rounds, Spread::relative, count_text);
    });
    maker.result("accuracy", "of the mean model at the end, on the test set",
                 [](const Group& group) {
                     return cell_of(group.accuracy, Spread::absolute, accuracy_text);
                 });
    if (has_target) {
        maker.result("target at step", "the step at which the target accuracy was reached",
                     target_cell);
    }
    maker.bytes("bytes: paper", "bytes by the papers' formula, of all peers", &Group::bytes_paper);
    maker.bytes("wire: monitoring", "bytes of local states, as sent by all peers",
                &Group::bytes_monitoring);
    maker.bytes("wire: averaging", "bytes of models, as sent by all peers",
                &Group::bytes_averaging);
    maker.bytes("wire: total", "all bytes as sent by all peers, with what else they say",
                &Group::bytes_total);
    maker.ratio("sync/paper",
                "how many times as many bytes synchronous training took, by the papers' formula",
                &Group::ratio_paper);
    maker.ratio("sync/wire", "how many times as many bytes synchronous training sent",
                &Group::ratio_wire);
}

std::string cell_text(const Cell& cell) {
    const std::string text = control::escaped(cell.text);
    return cell.spread.empty() ? text : text + " " + cell.spread;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return text;
}

void append_column(std::vector<std::string>& lines, const Column& column) {
    std::vector<std::string> texts{upper(column.title)};
    for (const Cell& cell : column.cells) texts.push_back(cell_text(cell));
    std::size_t width = 0;
    for (const std::string& text : texts) width = std::max(width, control::characters(text));
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string gap(width - control::characters(texts[i]), ' ');
        if (!lines[i].empty()) lines[i] += "  ";
        lines[i] += column.is_number ? gap + texts[i] : texts[i] + gap;
    }
}

}  // namespace

ComparisonTable comparison(const std::vector<Group>& groups) {
    Groups rows;
    bool has_target = false;
    for (const Group& group : groups) {
        if (group.settings.all.empty()) continue;
        rows.push_back(&group);
        has_target |= group.settings.target_accuracy.has_value();
    }
    if (rows.empty()) return {};
    Maker maker(rows);
    add_settings(maker);
    maker.distinction();
    add_results(maker, has_target);
    return maker.finish();
}

std::string terminal_text(const std::vector<Group>& groups) {
    ComparisonTable table = comparison(groups);
    std::string text;
    if (!table.common.empty()) {
        text += control::escaped(fmt::format("{}", fmt::join(table.common, ", "))) + "\n\n";
    }
    std::vector<std::string> lines(table.rows == 0 ? 0 : table.rows + 1);
    bool has_spread = false;
    for (const Column& column : table.columns) {
        append_column(lines, column);
        has_spread |= std::any_of(column.cells.begin(), column.cells.end(),
                                  [](const Cell& cell) { return !cell.spread.empty(); });
    }
    for (const std::string& line : lines) {
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    if (has_spread) {
        text +=
            "\nMedians over the runs of a row; +- is half the distance from the least to the "
            "most.\n";
    }
    for (const Group& group : groups) {
        for (const Run& run : group.runs) {
            if (run.result) continue;
            text += fmt::format("not finished: {}\n", control::escaped(run.name));
        }
    }
    return text;
}

}  // namespace dynavg::report
