#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/names.hpp"
#include "config/problems.hpp"
#include "config/value.hpp"
#include "protocol/base/address.hpp"
#include "training/models/model_spec.hpp"

namespace dynavg::config {

namespace {

Position position_of(const Config& config, std::string_view key) {
    const auto found = config.positions.find(key);
    return found == config.positions.end() ? Position{} : found->second;
}

bool is_set(const Config& config, std::string_view key) {
    return config.positions.contains(key);
}

bool balances(protocol::MonitorKind monitor) {
    return protocol::traits_of(monitor).balances;
}

bool observes(const Config& config) {
    return config.node.role == protocol::Role::observer;
}

/// How many samples this node has at most, where that is known without the data: digits are drawn,
/// and an even split gives each shard as many, give or take one.
std::optional<std::uint64_t> samples_max(const Config& config) {
    const DataConfig& data = config.data;
    if (reads_files(data) || observes(config)) return std::nullopt;
    const bool even = data.shard && data.shard->split.kind == Split::Kind::iid;
    const std::uint64_t shards = even ? std::max(data.shard->count, 1U) : 1;
    return (data.samples + shards - 1) / shards;
}

/// An observer has no data and trains nothing; of the data only the kind is of interest to it, for
/// the size of the images that the model is made for.
void check_observer(const Config& config, Problems& problems) {
    if (!observes(config)) return;
    for (const auto& [key, position] : config.positions) {
        const bool of_data = key.starts_with("data.") && key != "data.source";
        if (!of_data && !key.starts_with("training.")) continue;
        problems.add(key, position,
                     "is not for node.role = \"observer\", which has no data and trains nothing; "
                     "remove it");
    }
}

/// Unless one of the two has a problem already; the place is that of the key, if it is set.
void note(const Config& config, Problems& problems, std::string_view key, std::string_view other,
          std::string text) {
    if (problems.concerns(key) || problems.concerns(other)) return;
    const std::string_view where = is_set(config, key) ? key : other;
    problems.add(std::string(key), position_of(config, where), std::move(text));
}

std::vector<std::string> quoted(std::vector<std::string> names) {
    for (std::string& name : names) name = in_quotes(name);
    return names;
}

std::string only_for_models(const std::vector<std::string>& models) {
    return fmt::format("is only for builtin = {}; remove it or choose {}",
                       in_words(quoted(models), "or"),
                       models.size() == 1 ? "that model" : "such a model");
}

std::string only_for_sources(const std::vector<std::string>& sources) {
    return fmt::format("is only for {} {}", sources.size() == 1 ? "source =" : "sources",
                       in_words(quoted(sources), "and"));
}

bool has_room(const training::ModelSpec& model, const training::Source& source) {
    training::ModelSpec on_source = model;
    on_source.input = source.shape;
    return training::layout_of(on_source).has_room;
}

/// By the row of the model, and whether its layers leave anything of the source's images.
void check_model(const Config& config, Problems& problems) {
    const auto* const model = training::find_builtin_model(config.model.builtin);
    const auto* const source = training::find_source(config.data.source);
    if (model == nullptr || source == nullptr) return;
    const auto is_wrong = [&](std::string_view key, std::string text) {
        if (is_set(config, key)) note(config, problems, key, "model.builtin", std::move(text));
    };
    if (model->hidden == training::HiddenLayers::none) {
        auto models = models_with_hidden(training::HiddenLayers::by_default);
        for (auto& name : models_with_hidden(training::HiddenLayers::if_given)) {
            models.push_back(std::move(name));
        }
        is_wrong("model.hidden", only_for_models(models));
    }
    if (!model->has_drop_path) {
        is_wrong("model.drop_path", only_for_models(models_with_drop_path()));
    }
    if (model->sizes.empty()) {
        is_wrong("model.size", only_for_models(models_with_sizes()));
    } else if (std::find(model->sizes.begin(), model->sizes.end(), config.model.size) ==
               model->sizes.end()) {
        return note(config, problems, "model.size", "model.builtin",
                    fmt::format("\"{}\" is no size of \"{}\"; allowed: {}", config.model.size,
                                model->name, fmt::join(model->sizes, ", ")));
    }
    const training::ModelSpec spec{.builtin = config.model.builtin, .size = config.model.size};
    if (has_room(spec, *source)) return;
    std::vector<std::string> roomy;
    for (const training::Source* other : training::all_sources()) {
        if (has_room(spec, *other)) roomy.emplace_back(other->name);
    }
    note(config, problems, "model.builtin", "data.source",
         fmt::format("has no room on the images of \"{}\", {} x {} pixels; sources whose images "
                     "are large enough: {}",
                     source->name, source->shape.height, source->shape.width,
                     in_words(quoted(roomy), "and")));
}

/// By the row of the source.
void check_source(const Config& config, Problems& problems) {
    const auto* const source = training::find_source(config.data.source);
    if (source == nullptr) return;
    using training::SourceKeys;
    const auto refuse = [&](std::string_view key, bool SourceKeys::*kind, std::string_view why) {
        if (source->keys.*kind || !is_set(config, key)) return;
        note(config, problems, key, "data.source",
             only_for_sources(sources_with(kind)).append(why));
    };
    if (source->keys.path && config.data.path.empty() && !observes(config)) {
        const auto readers = sources_with(&SourceKeys::path);
        note(config, problems, "data.path", "data.source",
             fmt::format(
                 "is missing; {} {} the folder of the data set",
                 readers.size() == 1 ? "source" : "sources",
                 in_words(quoted(readers), "and") + (readers.size() == 1 ? " needs" : " need")));
    }
    const std::string why = fmt::format("; \"{}\" needs no files", source->name);
    refuse("data.path", &SourceKeys::path, why);
    refuse("data.test.path", &SourceKeys::path, why);
    refuse("data.samples", &SourceKeys::samples, "");
    refuse("data.seed", &SourceKeys::seed, "");
}

struct Rule {
    std::string_view key;    ///< Which is wrong,
    std::string_view other;  ///< because of this one.
    bool (*broken)(const Config&);
    std::string_view text;
};

constexpr std::array kRules{
    Rule{"output.every", "output.path",
         [](const Config& c) { return is_set(c, "output.every") && c.output.path.empty(); },
         "needs an output.path, else nothing is written"},
    Rule{"output.hook", "output.path",
         [](const Config& c) { return !c.output.hook.empty() && c.output.path.empty(); },
         "needs an output.path: it is run once that is written"},
    Rule{"output.hook", "output.path",
         [](const Config& c) {
             return !c.output.hook.empty() && !c.output.hook.front().starts_with('/');
         },
         "must begin with the whole path of a program, such as \"/usr/local/bin/deploy\"; there is "
         "no shell that would look for it"},
    Rule{
        "output.hook_timeout_s", "output.hook",
        [](const Config& c) { return is_set(c, "output.hook_timeout_s") && c.output.hook.empty(); },
        "needs an output.hook, else nothing is run"},
    Rule{"data.drift", "data.drift_at",
         [](const Config& c) { return is_set(c, "data.drift") && c.data.drift_at == 0; },
         "needs a data.drift_at above 0, else nothing changes"},
    Rule{"data.shard.index", "data.shard.count",
         [](const Config& c) { return c.data.shard && c.data.shard->index >= c.data.shard->count; },
         "must be below data.shard.count: shards are numbered from 0"},
    Rule{"training.batch_size", "data.samples",
         [](const Config& c) {
             const auto samples = samples_max(c);
             return samples && c.training.batch_size > *samples;
         },
         "is larger than the number of samples that this node trains on (data.samples, divided by "
         "data.shard.count): each batch would hold some samples several times; set it to that "
         "number or less"},
    Rule{"training.momentum", "training.optimizer",
         [](const Config& c) {
             return is_set(c, "training.momentum") && c.training.optimizer != OptimizerKind::sgd;
         },
         "is only for optimizer = \"sgd\""},
    Rule{"training.nesterov", "training.optimizer",
         [](const Config& c) {
             return c.training.nesterov && c.training.optimizer != OptimizerKind::sgd;
         },
         "is only for optimizer = \"sgd\""},
    Rule{"training.nesterov", "training.momentum",
         [](const Config& c) {
             return c.training.nesterov && c.training.optimizer == OptimizerKind::sgd &&
                    c.training.momentum == 0;
         },
         "needs a momentum above 0"},
    Rule{"training.weight_decay", "training.optimizer",
         [](const Config& c) {
             return c.training.weight_decay > 0 && c.training.optimizer == OptimizerKind::adam;
         },
         "must be 0 with optimizer = \"adam\"; remove it or choose \"adamw\", which decays"},
    Rule{"training.epsilon", "training.optimizer",
         [](const Config& c) {
             return is_set(c, "training.epsilon") && c.training.optimizer == OptimizerKind::sgd;
         },
         "is only for optimizer = \"adam\" or \"adamw\""},
    Rule{"averaging.initial_threshold", "averaging.threshold",
         [](const Config& c) {
             return c.auto_threshold.chosen && !is_set(c, "averaging.initial_threshold");
         },
         "is missing; threshold = \"auto\" begins with it"},
    Rule{"averaging.initial_threshold", "averaging.threshold",
         [](const Config& c) {
             return !c.auto_threshold.chosen && is_set(c, "averaging.initial_threshold");
         },
         "is only for threshold = \"auto\""},
    Rule{"averaging.target_interval_steps", "averaging.threshold",
         [](const Config& c) {
             return c.auto_threshold.chosen && !is_set(c, "averaging.target_interval_steps") &&
                    !is_set(c, "averaging.target_bytes_per_step");
         },
         "is missing; threshold = \"auto\" needs it or averaging.target_bytes_per_step"},
    Rule{"averaging.target_bytes_per_step", "averaging.target_interval_steps",
         [](const Config& c) {
             return is_set(c, "averaging.target_interval_steps") &&
                    is_set(c, "averaging.target_bytes_per_step");
         },
         "and averaging.target_interval_steps are two targets; keep one of them"},
    Rule{"averaging.target_interval_steps", "averaging.threshold",
         [](const Config& c) {
             return !c.auto_threshold.chosen && is_set(c, "averaging.target_interval_steps");
         },
         "is only for threshold = \"auto\""},
    Rule{"averaging.target_bytes_per_step", "averaging.threshold",
         [](const Config& c) {
             return !c.auto_threshold.chosen && is_set(c, "averaging.target_bytes_per_step");
         },
         "is only for threshold = \"auto\""},
    Rule{"averaging.threshold", "averaging.monitor",
         [](const Config& c) {
             return c.auto_threshold.chosen && !protocol::has_condition(c.averaging.monitor);
         },
         "is \"auto\", and this monitor has no condition; choose another monitor"},
    Rule{"averaging.threshold", "averaging.monitor",
         [](const Config& c) { return c.auto_threshold.chosen && balances(c.averaging.monitor); },
         "is \"auto\", which counts rounds, and monitor = \"local-balanced\" also averages between "
         "them; write a number"},
    Rule{"averaging.pace", "averaging.monitor",
         [](const Config& c) {
             return balances(c.averaging.monitor) && c.averaging.pace != protocol::Pace::lockstep;
         },
         "must be \"lockstep\" with monitor = \"local-balanced\", which runs in `dynavg simulate` "
         "only; a daemon has \"local\""},
    Rule{"averaging.check_every", "averaging.monitor",
         [](const Config& c) {
             return is_set(c, "averaging.check_every") &&
                    protocol::traits_of(c.averaging.monitor).trigger == protocol::Trigger::interval;
         },
         "is not for monitor = \"interval:N\", which checks every N steps; remove it"},
    Rule{"averaging.outer_learning_rate", "averaging.outer_optimizer",
         [](const Config& c) {
             return is_set(c, "averaging.outer_learning_rate") &&
                    c.averaging.outer.kind == protocol::OuterKind::average;
         },
         "is not for outer_optimizer = \"average\""},
    Rule{"averaging.outer_momentum", "averaging.outer_optimizer",
         [](const Config& c) {
             return is_set(c, "averaging.outer_momentum") &&
                    c.averaging.outer.kind == protocol::OuterKind::average;
         },
         "is not for outer_optimizer = \"average\""},
    Rule{"averaging.outer_beta2", "averaging.outer_optimizer",
         [](const Config& c) {
             return is_set(c, "averaging.outer_beta2") &&
                    c.averaging.outer.kind != protocol::OuterKind::adam;
         },
         "is only for outer_optimizer = \"adam\""},
    Rule{"averaging.outer_epsilon", "averaging.outer_optimizer",
         [](const Config& c) {
             return is_set(c, "averaging.outer_epsilon") &&
                    c.averaging.outer.kind != protocol::OuterKind::adam;
         },
         "is only for outer_optimizer = \"adam\""},
    Rule{"training.exit_when_done", "training.max_steps",
         [](const Config& c) { return c.training.exit_when_done && c.training.max_steps == 0; },
         "needs a training.max_steps above 0, else this node is never done"},
};

/// Traffic that is not encrypted must not leave the machine.
void check_loopback(const Config& config, std::string_view key, const std::string& address,
                    Problems& problems) {
    const std::size_t scheme = address.find("://");
    const auto parsed = protocol::parse_host_port(
        scheme == std::string::npos ? address : address.substr(scheme + 3));
    if (parsed && protocol::is_loopback(parsed->host)) return;
    problems.add(std::string(key), position_of(config, key),
                 fmt::format("\"{}\" is no loopback address; without keys and encryption "
                             "(security.insecure = true) only 127.0.0.0/8, ::1 and localhost are "
                             "allowed",
                             address));
}

void check_insecure(const Config& config, Problems& problems) {
    check_loopback(config, "node.bind", config.node.bind, problems);
    if (!config.node.advertise.empty()) {
        check_loopback(config, "node.advertise", config.node.advertise, problems);
    }
    for (const std::string& text : config.node.peers) {
        const auto peer = protocol::parse_peer_address(text);
        if (peer && peer->key) {
            problems.add("node.peers", position_of(config, "node.peers"),
                         fmt::format("\"{}\" names a key, and security.insecure = true uses none; "
                                     "remove one of the two",
                                     text));
            continue;
        }
        check_loopback(config, "node.peers", text, problems);
    }
}

void check_keys(const Config& config, Problems& problems) {
    for (const std::string& text : config.node.peers) {
        const auto peer = protocol::parse_peer_address(text);
        if (!peer || peer->key) continue;
        problems.add(
            "node.peers", position_of(config, "node.peers"),
            fmt::format("\"{}\" names no key; write KEY@HOST:PORT as `dynavg id` prints it "
                        "there, or join by a token (`dynavg join`)",
                        text));
    }
}

}  // namespace

void check_rules(const Config& config, Problems& problems) {
    check_observer(config, problems);
    check_model(config, problems);
    check_source(config, problems);
    for (const Rule& rule : kRules) {
        if (!rule.broken(config)) continue;
        note(config, problems, rule.key, rule.other, std::string(rule.text));
    }
}

void settle_averaging(Config& config) {
    protocol::AveragingSettings& averaging = config.averaging;
    if (!is_set(config, "averaging.outer_learning_rate")) {
        averaging.outer.learning_rate = default_learning_rate(averaging.outer.kind);
    }
    const AutoThreshold& wanted = config.auto_threshold;
    if (!wanted.chosen) return;
    averaging.threshold = wanted.initial;
    const bool bytes = wanted.bytes_per_step > 0;
    averaging.threshold_rule = {
        bytes ? protocol::ThresholdKind::bytes : protocol::ThresholdKind::interval,
        bytes ? wanted.bytes_per_step : wanted.interval_steps};
}

Expected<void, Error> check_daemon_rules(const Config& config) {
    Problems problems;
    if (config.node.network.empty()) {
        problems.add("node.network", {},
                     "is missing; peers of one network name and one model form a network");
    }
    if (balances(config.averaging.monitor)) {
        problems.add("averaging.monitor", position_of(config, "averaging.monitor"),
                     fmt::format("\"{}\" runs in `dynavg simulate` only; use \"local\"",
                                 protocol::name_of(config.averaging.monitor)));
    }
    if (config.security.insecure) {
        check_insecure(config, problems);
    } else {
        check_keys(config, problems);
    }
    if (!problems.empty()) return Unexpected<Error>(problems.error(config.file));
    return {};
}

}  // namespace dynavg::config
