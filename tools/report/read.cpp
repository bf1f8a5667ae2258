#include "tools/report/read.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/report/csv.hpp"

namespace dynavg::report {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kAgain = "run the experiment again, or leave its folder out";
constexpr std::size_t kCellBytesShown = 40;
/// A seed is what runs of one group may differ in.
constexpr std::array<std::string_view, 2> kSeeds{"training.seed", "model.seed"};
/// The settings that summary.json tells, where there is no run.json.
constexpr std::array<std::string_view, 8> kConfigured{
    "peers", "parameters", "model", "monitor", "threshold", "pace", "target_accuracy", "faults"};
/// Texts of summary.json that are no setting.
constexpr std::array<std::string_view, 1> kResultTexts{"digest"};

template <std::size_t N>
bool is_among(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Reads one run; collects what is wrong.
class Reader {
public:
    Reader(const std::filesystem::path& folder, const std::string& name) {
        m_run.folder = folder;
        m_run.name = name;
    }

    Run read(const RunTexts& texts) {
        if (texts.run) read_description(*texts.run);
        if (texts.summary) read_summary(*texts.summary);
        m_is_complete = texts.summary.has_value();
        read_epochs(texts.epochs);
        read_rounds(texts.rounds);
        return std::move(m_run);
    }

private:
    void complain(std::string_view file, std::string_view what, std::string_view remedy) {
        m_run.problems.push_back(
            fmt::format("{}: {}; {}", (m_run.folder / file).string(), what, remedy));
    }

    /// An object, or nothing, which is told.
    std::optional<Json> parse(std::string_view file, const std::string& text) {
        try {
            Json json = Json::parse(text);
            if (json.is_object()) return json;
            complain(file, "is no JSON object", kAgain);
        } catch (const Json::parse_error& error) {
            const bool cut = error.byte > text.size();
            complain(file,
                     cut ? std::string("is cut off")
                         : fmt::format("is damaged at byte {} of {}", error.byte, text.size()),
                     kAgain);
        } catch (const Json::exception&) {
            complain(file, "holds a number that is too large", kAgain);
        }
        return std::nullopt;
    }

    template <class T>
    static std::optional<T> as(const Json& value) {
        if constexpr (std::is_same_v<T, std::string>) {
            if (value.is_string()) return value.get<std::string>();
        } else if constexpr (std::is_same_v<T, double>) {
            if (value.is_number()) return value.get<double>();
        } else {
            if (value.is_number_unsigned()) return value.get<T>();
        }
        return std::nullopt;
    }

    template <class T>
    static std::optional<T> find(const Json& json, std::string_view key) {
        const auto found = json.find(key);
        return found == json.end() ? std::nullopt : as<T>(*found);
    }

    static std::string shown(const Json& value) {
        // Texts may hold any bytes.
        return value.is_string() ? value.get<std::string>()
                                 : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    }

    void read_description(const std::string& text) {
        const auto json = parse("run.json", text);
        if (!json) return;
        Settings& settings = m_run.settings;
        for (const auto& [key, value] : json->items()) {
            if (key == "configuration" || value.is_null()) continue;
            settings.all.emplace(key, shown(value));
        }
        settings.peers = find<std::uint64_t>(*json, "peers");
        settings.target_accuracy = find<double>(*json, "target_accuracy");
        const auto configuration = json->find("configuration");
        if (configuration == json->end() || !configuration->is_object()) {
            return complain("run.json", "has no \"configuration\"", kAgain);
        }
        for (const auto& [key, value] : configuration->items()) {
            if (!is_among(key, kSeeds)) settings.all.emplace(key, shown(value));
        }
        settings.model = find<std::string>(*configuration, "model.builtin").value_or("");
        settings.monitor = find<std::string>(*configuration, "averaging.monitor").value_or("");
        settings.outer_optimizer =
            find<std::string>(*configuration, "averaging.outer_optimizer").value_or("");
        settings.threshold = find<double>(*configuration, "averaging.threshold");
        settings.seed = find<std::uint64_t>(*configuration, "training.seed");
    }

    template <class T>
    void need(const Json& json, std::string_view key, T& place) {
        if (auto value = find<T>(json, key)) {
            place = std::move(*value);
        } else {
            m_missing += (m_missing.empty() ? "" : ", ") + std::string(key);
        }
    }

    void read_summary(const std::string& text) {
        const auto json = parse("summary.json", text);
        if (!json) return;
        Result result;
        need(*json, "steps", result.steps);
        need(*json, "epochs", result.epochs);
        need(*json, "rounds", result.rounds);
        need(*json, "parameters", result.parameters);
        need(*json, "bytes_monitoring", result.bytes_monitoring);
        need(*json, "bytes_averaging", result.bytes_averaging);
        need(*json, "bytes_overhead", result.bytes_overhead);
        need(*json, "bytes_total", result.bytes_total);
        need(*json, "bytes_paper", result.bytes_paper);
        std::uint64_t peers = 0;
        need(*json, "peers", peers);
        if (!m_missing.empty()) {
            return complain("summary.json", fmt::format("{} missing or no number", m_missing),
                            kAgain);
        }
        result.accuracy_reference = find<double>(*json, "accuracy_reference");
        result.accuracy_mean = find<double>(*json, "accuracy_mean");
        result.reached_target = find<std::uint64_t>(*json, "reached_target");
        result.digest = find<std::string>(*json, "digest").value_or("");
        result.wall_s = find<double>(*json, "wall_s").value_or(0);
        take_settings(*json);
        m_run.result = std::move(result);
    }

    /// Where run.json has told nothing.
    void take_settings(const Json& json) {
        Settings& settings = m_run.settings;
        const auto text = [&](std::string_view key, std::string& place) {
            if (place.empty()) place = find<std::string>(json, key).value_or("");
        };
        text("model", settings.model);
        text("monitor", settings.monitor);
        text("outer_optimizer", settings.outer_optimizer);
        if (!settings.threshold) settings.threshold = find<double>(json, "threshold");
        if (!settings.peers) settings.peers = find<std::uint64_t>(json, "peers");
        if (!settings.seed) settings.seed = find<std::uint64_t>(json, "seed");
        if (!settings.all.empty()) return;
        settings.target_accuracy = find<double>(json, "target_accuracy");
        for (const auto& [key, value] : json.items()) {
            const bool is_setting =
                is_among(key, kConfigured) || (value.is_string() && !is_among(key, kResultTexts));
            if (is_setting && !value.is_null()) settings.all.emplace(key, shown(value));
        }
        // Without a target all runs of one configuration are equally long.
        if (!settings.target_accuracy) settings.all.emplace("steps", shown(json.at("steps")));
    }

    /// Calls `add` for each line; it returns which cell is not what it should be, if any.
    template <std::size_t N, class Add>
    void read_table(std::string_view file, const std::optional<std::string>& text,
                    const std::array<std::string_view, N>& names, Add add) {
        if (!text) {
            if (m_is_complete) complain(file, "is missing", "its curves are not drawn");
            return;
        }
        const Csv csv = parse_csv(*text);
        std::array<std::size_t, N> columns{};
        for (std::size_t i = 0; i < N; ++i) {
            const auto column = csv.column(names[i]);
            if (!column) {
                // Stopped before it had written its header.
                if (!m_is_complete && csv.header.empty()) return;
                return complain(file, fmt::format("has no column {}", names[i]), kAgain);
            }
            columns[i] = *column;
        }
        std::string problem = csv.problem;
        for (std::size_t i = 0; i < csv.lines.size(); ++i) {
            std::array<std::string_view, N> cells;
            for (std::size_t j = 0; j < N; ++j) cells[j] = csv.lines[i][columns[j]];
            const std::size_t wrong = add(cells);
            if (wrong >= N) continue;
            problem = fmt::format("line {} has \"{}\" in column {}", i + 2,
                                  cells[wrong].substr(0, kCellBytesShown), names[wrong]);
            break;
        }
        if (problem.empty() && csv.is_cut && m_is_complete) problem = "its last line is cut off";
        if (!problem.empty()) complain(file, problem, "the lines before it are drawn");
    }

    template <std::size_t N>
    static std::size_t first_false(const std::array<bool, N>& good) {
        return static_cast<std::size_t>(std::find(good.begin(), good.end(), false) - good.begin());
    }

    template <class T>
    static bool store(std::string_view cell, T& place) {
        const auto number = number_in<T>(cell);
        if (number) place = *number;
        return number.has_value();
    }
    /// Empty where nothing was measured.
    static bool store(std::string_view cell, std::optional<double>& place) {
        return cell.empty() || store(cell, place.emplace());
    }

    void read_epochs(const std::optional<std::string>& text) {
        constexpr std::array<std::string_view, 7> kNames{"epoch",          "step",
                                                         "rounds",         "accuracy_reference",
                                                         "accuracy_mean",  "bytes_monitoring",
                                                         "bytes_averaging"};
        const std::size_t problems = m_run.problems.size();
        read_table("epochs.csv", text, kNames, [this](const auto& cells) {
            EpochRow row;
            const std::array good{
                store(cells[0], row.epoch),          store(cells[1], row.step),
                store(cells[2], row.rounds),         store(cells[3], row.accuracy_reference),
                store(cells[4], row.accuracy_mean),  store(cells[5], row.bytes_monitoring),
                store(cells[6], row.bytes_averaging)};
            const std::size_t wrong = first_false(good);
            if (wrong == good.size()) m_run.epochs.push_back(row);
            return wrong;
        });
        if (!m_run.result || m_run.problems.size() > problems) return;
        const std::uint64_t last = m_run.epochs.empty() ? 0 : m_run.epochs.back().step;
        if (last >= m_run.result->steps) return;
        complain("epochs.csv",
                 fmt::format("ends at step {} of {}: it is cut off", last, m_run.result->steps),
                 "the lines that are there are drawn");
    }

    void read_rounds(const std::optional<std::string>& text) {
        constexpr std::array<std::string_view, 8> kNames{
            "round",     "step",         "estimate", "exact_variance",
            "threshold", "participants", "bytes",    "reason"};
        const std::size_t problems = m_run.problems.size();
        read_table("rounds.csv", text, kNames, [this](const auto& cells) {
            RoundRow row;
            row.reason = cells[7];
            const std::array good{
                store(cells[0], row.round),     store(cells[1], row.step),
                store(cells[2], row.estimate),  store(cells[3], row.exact_variance),
                store(cells[4], row.threshold), store(cells[5], row.participants),
                store(cells[6], row.bytes)};
            const std::size_t wrong = first_false(good);
            if (wrong < good.size()) return wrong;
            m_run.rounds.push_back(std::move(row));
            return cells.size();
        });
        if (!m_run.result || m_run.problems.size() > problems) return;
        if (m_run.rounds.size() >= m_run.result->rounds) return;
        complain("rounds.csv",
                 fmt::format("has {} of {} rounds: it is cut off", m_run.rounds.size(),
                             m_run.result->rounds),
                 "the lines that are there are drawn");
    }

    Run m_run;
    std::string m_missing;
    bool m_is_complete = false;
};

}  // namespace

Run read_run(const RunTexts& texts, const std::filesystem::path& folder, const std::string& name) {
    return Reader(folder, name).read(texts);
}

}  // namespace dynavg::report
