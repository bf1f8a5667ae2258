#include "config/grid.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/codec.hpp"
#include "config/overlay.hpp"
#include "config/problems.hpp"
#include "config/schema.hpp"
#include "config/spelling.hpp"
#include "config/value.hpp"
#include "protocol/base/limits.hpp"

namespace dynavg::config {

namespace {

constexpr std::size_t kRunsMax = 10'000;
constexpr std::size_t kNameBytesMax = 200;
constexpr std::int64_t kLengthMax = 1'000'000'000;
constexpr std::string_view kExperiment = "experiment";

/// The settings of an experiment, each with one value or more. Later settings of one key replace
/// earlier ones in their place.
struct Axis {
    std::string key;
    Position position;
    std::vector<Value> values;
    bool is_list = false;  ///< Written as one: its value is part of the run's name.
};
using Axes = std::vector<Axis>;

Axis* find_axis(Axes& axes, std::string_view key) {
    const auto found =
        std::find_if(axes.begin(), axes.end(), [key](const Axis& axis) { return axis.key == key; });
    return found == axes.end() ? nullptr : &*found;
}

void set_axis(Axes& axes, Axis axis) {
    // A length in the one unit replaces that in the other.
    if (axis.key == "steps" || axis.key == "epochs") {
        std::erase_if(axes, [](const Axis& a) { return a.key == "steps" || a.key == "epochs"; });
    }
    if (Axis* known = find_axis(axes, axis.key)) {
        *known = std::move(axis);
    } else {
        axes.push_back(std::move(axis));
    }
}

/// For a folder: 0.5, sketch, sorted-0.6, 200-100.
std::string name_part(const Value& value) {
    if (const auto* array = std::get_if<Value::Array>(&value.data)) {
        std::vector<std::string> parts;
        for (const Value& element : *array) parts.push_back(name_part(element));
        return fmt::format("{}", fmt::join(parts, "-"));
    }
    const auto* text = std::get_if<std::string>(&value.data);
    std::string part = text != nullptr ? *text : show(value);
    for (char& c : part) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!good) c = '-';
    }
    return part;
}

/// A run as it is being put together: one value of each axis.
struct Choice {
    const Axis* axis;
    const Value* value;
};

/// Reads the file, expands it, and collects what is wrong.
class GridReader {
public:
    explicit GridReader(std::string file) : m_file(std::move(file)) {}

    Expected<std::vector<GridRun>, Error> read(const Value::Table& document) {
        Axes defaults;
        std::vector<const Value::Member*> experiments;
        for (const Value::Member& member : document) {
            if (member.key == kExperiment) {
                experiments.push_back(&member);
            } else {
                read_member(member, "", defaults);
            }
        }
        if (experiments.empty()) expand(defaults, "", {});
        for (const Value::Member* member : experiments) read_experiments(*member, defaults);
        if (!m_problems.empty()) m_lines.insert(m_lines.begin(), m_problems.error(m_file).message);
        if (!m_lines.empty()) {
            return fail(fmt::format("{}", fmt::join(m_lines, "\n")));
        }
        return std::move(m_runs);
    }

private:
    void read_experiments(const Value::Member& member, const Axes& defaults) {
        const auto* array = std::get_if<Value::Array>(&member.value.data);
        if (array == nullptr || array->empty()) {
            return m_problems.add(member.key, member.position, "must be written [[experiment]]");
        }
        for (const Value& element : *array) {
            const auto* table = std::get_if<Value::Table>(&element.data);
            if (table == nullptr) {
                m_problems.add(member.key, member.position, "must be written [[experiment]]");
                continue;
            }
            Axes axes = defaults;
            std::string name;
            for (const Value::Member& inner : *table) {
                if (inner.key == "name") {
                    read_name(inner, name);
                } else {
                    read_member(inner, "", axes);
                }
            }
            expand(axes, name, table->empty() ? member.position : table->front().position);
        }
    }

    void read_name(const Value::Member& member, std::string& name) {
        const auto* text = std::get_if<std::string>(&member.value.data);
        if (text != nullptr && !text->empty() && *text == name_part(member.value) &&
            text->front() != '.' && text->size() <= kNameBytesMax) {
            name = *text;
            return;
        }
        m_problems.add("name", member.position,
                       fmt::format("is {}; allowed: letters, digits, '.', '_', '-', as it names a "
                                   "folder",
                                   show(member.value)));
    }

    /// Of a key of the grid or of the configuration; tables are walked.
    void read_member(const Value::Member& member, const std::string& table, Axes& axes) {
        const std::string key = table.empty() ? member.key : table + "." + member.key;
        const auto* inner = std::get_if<Value::Table>(&member.value.data);
        if (inner != nullptr && !inner->empty()) {
            for (const Value::Member& each : *inner) read_member(each, key, axes);
            return;
        }
        if (!is_known(key)) {
            const std::string hint =
                table.empty() ? std::string("; known here: ") +
                                    "config, peers, steps, epochs, target_accuracy, checks, seeds, "
                                    "[[experiment]] with a name, and the configuration's tables"
                              : suggestion(key);
            return m_problems.add(key, member.position, "unknown key" + hint);
        }
        Axis axis{key, member.position, {member.value}, false};
        axis.position.source = m_file;
        if (is_axis(key, member.value)) {
            axis.values = std::get<Value::Array>(member.value.data);
            axis.is_list = true;
            if (axis.values.empty()) {
                return m_problems.add(key, member.position, "is an empty list; name a value");
            }
        }
        if (is_own(key) && !check_own(axis)) return;
        set_axis(axes, std::move(axis));
    }

    static bool is_own(std::string_view key) {
        constexpr std::array<std::string_view, 7> kOwn{
            "config", "peers", "steps", "epochs", "target_accuracy", "checks", "seeds"};
        return std::find(kOwn.begin(), kOwn.end(), key) != kOwn.end();
    }

    static bool is_known(const std::string& key) {
        return is_own(key) || is_table(key) || find_key(key) != nullptr;
    }

    /// A list is an axis, but for a key whose values are lists: there, a list of lists is.
    static bool is_axis(const std::string& key, const Value& value) {
        const auto* array = std::get_if<Value::Array>(&value.data);
        if (array == nullptr) return false;
        const Key* known = find_key(key);
        if (known == nullptr || !known->type.starts_with("list")) return true;
        return std::any_of(array->begin(), array->end(), [](const Value& element) {
            return std::holds_alternative<Value::Array>(element.data);
        });
    }

    template <class T>
    bool all_are(const Axis& axis, const Codec<T>& codec) {
        for (const Value& value : axis.values) {
            const auto parsed = codec.parse(value);
            if (parsed) continue;
            m_problems.add(axis.key, axis.position, parsed.error());
            return false;
        }
        return true;
    }

    bool check_own(const Axis& axis) {
        if (axis.key == "config") {
            return all_are(axis, text("the path of a configuration", [](const std::string& path) {
                               return path.empty() ? "is no path" : explain_path(path);
                           }));
        }
        if (axis.key == "peers") {
            return all_are(axis, integer<std::uint32_t>(1, protocol::limits::kPeersMax));
        }
        if (axis.key == "target_accuracy") {
            return all_are(axis, number({.min = 0, .max = 1, .text = "0 to 1"}));
        }
        if (axis.key == "checks") return all_are(axis, boolean());
        if (axis.key == "seeds") return all_are(axis, integer<std::uint64_t>(0));
        return all_are(axis, integer<std::uint64_t>(1, kLengthMax));
    }

    /// All runs of an experiment.
    void expand(Axes axes, const std::string& experiment, const Position& position) {
        const auto need = [&](std::string_view key, const std::string& what) {
            if (find_axis(axes, key) == nullptr && !m_problems.concerns(key)) {
                m_problems.add(std::string(key), position, "is missing; " + what);
            }
        };
        need("peers", "say how many peers train");
        if (find_axis(axes, "epochs") == nullptr) need("steps", "say how long, in steps or epochs");
        // In the order of the file; but runs that differ in their seed only stand together.
        std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) {
            const auto order = [](const Axis& axis) {
                return std::tuple(axis.key == "seeds", axis.position.line, axis.position.column);
            };
            return order(a) < order(b);
        });
        std::size_t runs = 1;
        for (const Axis& axis : axes) {
            runs *= axis.values.size();
            if (runs + m_runs.size() <= kRunsMax) continue;
            return m_problems.add(axis.key, axis.position,
                                  fmt::format("makes more than {} runs", kRunsMax));
        }
        if (!m_problems.empty()) return;
        for (std::size_t run = 0; run < runs; ++run) {
            std::vector<Choice> choices(axes.size());
            std::size_t rest = run;
            for (std::size_t i = axes.size(); i-- > 0;) {
                const std::size_t count = axes[i].values.size();
                choices[i] = {&axes[i], &axes[i].values[rest % count]};
                rest /= count;
            }
            add_run(choices, experiment, position);
        }
    }

    void add_run(const std::vector<Choice>& choices, const std::string& experiment,
                 const Position& position) {
        GridRun run;
        run.experiment = experiment;
        std::vector<Overlay> overlays;
        std::string base;
        for (const Choice& choice : choices) {
            take(choice, run, base, overlays);
        }
        auto config =
            base.empty() ? parse_config("", m_file, overlays) : load_config(base, overlays);
        if (!config) return add_lines(config.error().message);
        run.config = std::move(*config);
        run.name = name_of_run(run, choices);
        if (run.target_accuracy && !run.config.data.test) {
            return add_lines(fmt::format(
                "{}: target_accuracy: {} has no [data.test] to measure it on", m_file, run.name));
        }
        if (const std::string problem = why_no_checks(run.config.averaging);
            run.checks && !problem.empty()) {
            return add_lines(fmt::format("{}: checks: {}: {}", m_file, run.name, problem));
        }
        if (run.name.size() > kNameBytesMax) {
            return add_lines(fmt::format("{}: {}... is too long for a name; take fewer axes",
                                         m_file, run.name.substr(0, kNameBytesMax)));
        }
        if (!m_names.insert(run.name).second) {
            return add_lines(fmt::format(
                "{}:{}:{}: makes a second run {}; give the experiments names, or take out what "
                "stands there twice",
                m_file, position.line, position.column, run.name));
        }
        m_runs.push_back(std::move(run));
    }

    void take(const Choice& choice, GridRun& run, std::string& base,
              std::vector<Overlay>& overlays) const {
        const std::string& key = choice.axis->key;
        const auto whole = [&choice] {
            return static_cast<std::uint64_t>(std::get<std::int64_t>(choice.value->data));
        };
        if (key == "config") {
            const std::filesystem::path path = std::get<std::string>(choice.value->data);
            base = (std::filesystem::path(m_file).parent_path() / path).string();
        } else if (key == "peers") {
            run.peers = static_cast<std::uint32_t>(whole());
        } else if (key == "steps") {
            run.steps = whole();
        } else if (key == "epochs") {
            run.epochs = whole();
        } else if (key == "target_accuracy") {
            run.target_accuracy =
                number({.min = 0, .max = 1, .text = ""}).parse(*choice.value).value();
        } else if (key == "checks") {
            run.checks = std::get<bool>(choice.value->data);
        } else if (key == "seeds") {
            for (const char* seed : {"training.seed", "model.seed"}) {
                overlays.push_back({seed, choice.axis->position, *choice.value});
            }
        } else {
            overlays.push_back({key, choice.axis->position, *choice.value});
        }
    }

    /// Monitor, threshold and seed always; else what was written as a list.
    static std::string name_of_run(const GridRun& run, const std::vector<Choice>& choices) {
        const protocol::AveragingSettings& averaging = run.config.averaging;
        std::string name = run.experiment.empty() ? "" : run.experiment + "/";
        std::string monitor = protocol::monitor_text(averaging);
        std::replace(monitor.begin(), monitor.end(), ':', '-');
        name += monitor;
        if (run.config.auto_threshold.chosen) {
            name += "-threshold-auto";
        } else if (protocol::has_condition(averaging.monitor)) {
            name += fmt::format("-threshold-{}", averaging.threshold);
        }
        for (const Choice& choice : choices) {
            const std::string& key = choice.axis->key;
            if (!choice.axis->is_list || key == "averaging.monitor" ||
                key == "averaging.threshold" || key == "seeds") {
                continue;
            }
            name += fmt::format("-{}-{}", key.substr(key.rfind('.') + 1), name_part(*choice.value));
        }
        return name + fmt::format("-seed-{}", run.config.training.seed);
    }

    /// Many runs share one problem.
    void add_lines(const std::string& text) {
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            std::string line = text.substr(begin, end - begin);
            if (std::find(m_lines.begin(), m_lines.end(), line) == m_lines.end()) {
                m_lines.push_back(std::move(line));
            }
            begin = end + 1;
        }
    }

    std::string m_file;
    Problems m_problems;
    std::vector<std::string> m_lines;
    std::vector<GridRun> m_runs;
    std::set<std::string> m_names;
};

}  // namespace

Expected<std::vector<GridRun>, Error> parse_grid(std::string_view text, const std::string& name) {
    const auto document = parse_document(text, name);
    if (!document) return Unexpected<Error>(document.error());
    return GridReader(name).read(*document);
}

std::string why_no_checks(const protocol::AveragingSettings& averaging) {
    if (averaging.pace != protocol::Pace::lockstep) {
        return "models never stand at one step with pace = \"free\"; set pace = \"lockstep\"";
    }
    if (averaging.check_every != 1) return "not every step is checked; set check_every = 1";
    if (!protocol::has_condition(averaging.monitor)) {
        return fmt::format("monitor = \"{}\" estimates nothing; take another, as \"linear\"",
                           protocol::monitor_text(averaging));
    }
    return "";
}

Expected<std::vector<GridRun>, Error> load_grid(const std::filesystem::path& file) {
    const auto text = read_text(file);
    if (!text) return Unexpected<Error>(text.error());
    return parse_grid(*text, file.string());
}

}  // namespace dynavg::config
