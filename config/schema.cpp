#include "config/schema.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "config/codec.hpp"
#include "config/names.hpp"
#include "config/nearest.hpp"
#include "config/schema_values.hpp"
#include "protocol/base/limits.hpp"
#include "training/data/source.hpp"
#include "training/models/builtin_model.hpp"

namespace dynavg::config {

namespace {

using training::HiddenLayers;
using training::SourceKeys;

constexpr std::int64_t kPeersMax = protocol::limits::kPeersMax;
constexpr std::int64_t kSketchRowsMax = 16;
constexpr std::int64_t kMillisecondsMax = 3'600'000;
constexpr std::int64_t kCheckpointIntervalMax = 86'400;
constexpr std::size_t kHiddenLayersMax = 16;
constexpr std::uint32_t kEpochsMax = 1'000'000'000;
constexpr std::size_t kHookArgumentsMax = 64;
constexpr std::uint32_t kHookTimeoutMax = 86'400;
/// The longest path that fits into a sockaddr_un.
constexpr std::size_t kSocketPathBytesMax = 107;

/// A key is a field of Config, to which `get` returns a reference, with a codec of its type.
template <class Get, class T>
Key key(std::string name, Get get, Codec<T> codec, std::string doc) {
    Config defaults;
    return {.name = std::move(name),
            .type = codec.type,
            .allowed = codec.allowed,
            .default_value = codec.print(get(defaults)),
            .doc = std::move(doc),
            .store = [get, parse = codec.parse](Config& config,
                                                const Value& value) -> Expected<void, std::string> {
                auto parsed = parse(value);
                if (!parsed) return Unexpected<std::string>(std::move(parsed.error()));
                get(config) = std::move(*parsed);
                return {};
            },
            // A copy: looking for a key of an absent table makes the table.
            .show = [get, print = codec.print](Config config) { return print(get(config)); }};
}

template <class Section, class T>
auto field(Section Config::*section, T Section::*member) {
    return [=](Config& config) -> T& { return (config.*section).*member; };
}

/// Of a table that is absent unless one of its keys is set.
template <class Section, class T>
auto field(std::optional<Section> DataConfig::*section, T Section::*member) {
    return [=](Config& config) -> T& {
        std::optional<Section>& table = config.data.*section;
        if (!table) table.emplace();
        return (*table).*member;
    };
}

/// Its default is no constant, but said in words.
Key by_default(std::string words, Key key) {
    key.default_is_toml = false;
    key.default_value = std::move(words);
    return key;
}

Key required(Key key) {
    key.required = true;
    return by_default("needed", std::move(key));
}

/// A key of the contract that this version does not have.
Key later_key(std::string name, const std::string& available, std::string doc) {
    Key key;
    key.name = std::move(name);
    key.doc = std::move(doc);
    key.available = false;
    key.default_is_toml = false;
    key.store = [available](Config&, const Value&) -> Expected<void, std::string> {
        return Unexpected<std::string>("is not available in this version; available: " + available);
    };
    return key;
}

// --- the tables -------------------------------------------------------------------------------

std::vector<Key> node_keys() {
    using N = NodeConfig;
    return {
        by_default("needed by the daemon",
                   key("node.network", field(&Config::node, &N::network), name_text(),
                       "Peers of one network name and one model form a network.")),
        by_default("the host's name", key("node.name", field(&Config::node, &N::name), name_text(),
                                          "This node in logs; unique in its network.")),
        key("node.order", field(&Config::node, &N::order),
            integer<std::int32_t>(-1'000'000, 1'000'000),
            "Place in sums and ties before the PeerId; for experiments."),
        key("node.role", field(&Config::node, &N::role), choice<protocol::Role>(kRoles),
            "member: trains and votes; observer: follows the reference, without data, and has no "
            "say."),
        key("node.bind", field(&Config::node, &N::bind), bind_address(),
            "First of the node's three ports."),
        by_default("the bound address", key("node.advertise", field(&Config::node, &N::advertise),
                                            own_address(), "The address that other peers dial.")),
        key("node.peers", field(&Config::node, &N::peers),
            list_of(peer_address(), static_cast<std::size_t>(kPeersMax), Repetition::forbidden),
            "Where to look for the network; any one that is up is enough."),
        key("node.state_dir", field(&Config::node, &N::state_dir), path(kPathBytesMax),
            "Folder of this node's checkpoints; of no other node."),
        key("node.checkpoint_interval_s", field(&Config::node, &N::checkpoint_interval_s),
            integer<std::uint32_t>(1, kCheckpointIntervalMax),
            "Local training is kept there at most this often, and at the end."),
        key("node.control", field(&Config::node, &N::control), path(kSocketPathBytesMax),
            "Socket for `dynavg status` and the other verbs that speak to the daemon."),
        key("node.start_peers", field(&Config::node, &N::start_peers),
            integer<std::uint32_t>(1, kPeersMax),
            "Training begins once this many peers are live, this one included."),
        key("node.exchange_bytes_per_second", field(&Config::node, &N::exchange_bytes_per_second),
            integer<std::uint64_t>(0),
            "Models are sent no faster than this; 0: as fast as the network allows."),
    };
}

std::vector<Key> model_keys() {
    using M = ModelConfig;
    return {
        key("model.builtin", field(&Config::model, &M::builtin), one_of(model_names()),
            "The architecture."),
        key("model.hidden", field(&Config::model, &M::hidden),
            list_of(integer<std::uint32_t>(1, 65536), kHiddenLayersMax, Repetition::allowed),
            fmt::format("Widths of the hidden layers; only of {}, and of {}, which has none by "
                        "default.",
                        in_words(models_with_hidden(HiddenLayers::by_default), "and"),
                        in_words(models_with_hidden(HiddenLayers::if_given), "or"))),
        key("model.size", field(&Config::model, &M::size), one_of(size_names()),
            fmt::format("How deep and wide; only of {}.", in_words(models_with_sizes(), "and"))),
        key("model.drop_path", field(&Config::model, &M::drop_path), number(from_to_below(0, 1)),
            fmt::format("Stochastic depth: how often the last block is left out; only of {}.",
                        in_words(models_with_drop_path(), "and"))),
        by_default("`model.seed` alone",
                   key("model.weights", field(&Config::model, &M::weights), path(kPathBytesMax),
                       "File with weights to begin from.")),
        key("model.seed", field(&Config::model, &M::seed), integer<std::uint64_t>(0),
            "Draws the initial model that all peers have in common."),
        later_key("model.script", "model.builtin", "A TorchScript module in place of `builtin`."),
    };
}

std::vector<Key> data_keys() {
    using D = DataConfig;
    using S = ShardConfig;
    using T = TestConfig;
    const std::string reading = in_words(sources_with(&SourceKeys::path), "and");
    return {
        required(key("data.source", field(&Config::data, &D::source),
                     one_of(source_names(), {"csv", "npy"}),
                     "The kind of data set that this node trains on.")),
        by_default("needed by " + reading,
                   key("data.path", field(&Config::data, &D::path), path(kPathBytesMax),
                       fmt::format("Folder of the data set; only of {}.", reading))),
        key("data.samples", field(&Config::data, &D::samples),
            integer<std::uint64_t>(1, 10'000'000),
            fmt::format("How many digits are drawn, before the cut into shards; only of {}.",
                        in_words(sources_with(&SourceKeys::samples), "and"))),
        key("data.seed", field(&Config::data, &D::seed), integer<std::uint64_t>(0),
            fmt::format("Draws the digits; only of {}.",
                        in_words(sources_with(&SourceKeys::seed), "and"))),
        key("data.drift_at", field(&Config::data, &D::drift_at), integer<std::uint64_t>(0),
            "Local step from which on the data are others, for experiments; 0 = never."),
        key("data.drift", field(&Config::data, &D::drift), choice<DriftKind>(kDrifts),
            "The change: each class gets the next one's label, or the pixels change "
            "places."),
        key("data.shard.index", field(&D::shard, &S::index),
            integer<std::uint32_t>(0, kPeersMax - 1),
            "This node's part of the data set; below `count`."),
        key("data.shard.count", field(&D::shard, &S::count), integer<std::uint32_t>(1, kPeersMax),
            "Into how many parts the data set is cut."),
        key("data.shard.split", field(&D::shard, &S::split), split(), "How it is cut."),
        by_default("`data.path`",
                   key("data.test.path", field(&D::test, &T::path), path(kPathBytesMax),
                       fmt::format("Folder of the set on which the reference is evaluated; only "
                                   "of {}.",
                                   reading))),
        key("data.test.samples", field(&D::test, &T::samples), integer<std::uint64_t>(0),
            "How many samples are evaluated; 0 = all."),
        key("data.test.every_rounds", field(&D::test, &T::every_rounds), integer<std::uint64_t>(1),
            "Evaluate after every so many rounds."),
    };
}

std::vector<Key> training_keys() {
    using T = TrainingConfig;
    return {
        key("training.optimizer", field(&Config::training, &T::optimizer),
            choice<OptimizerKind>(kOptimizers), "The local optimizer."),
        key("training.learning_rate", field(&Config::training, &T::learning_rate), number(above(0)),
            "Its step size."),
        key("training.momentum", field(&Config::training, &T::momentum),
            number(from_to_below(0, 1)), "Only of sgd."),
        key("training.nesterov", field(&Config::training, &T::nesterov), boolean(),
            "Nesterov's form; only of sgd with momentum."),
        key("training.weight_decay", field(&Config::training, &T::weight_decay),
            number(at_least(0)),
            "sgd: added to the gradient (L2); adamw: decoupled from it; adam has none."),
        key("training.epsilon", field(&Config::training, &T::epsilon), number(above(0)),
            "Keeps a division finite; only of adam and adamw."),
        key("training.batch_size", field(&Config::training, &T::batch_size),
            integer<std::uint32_t>(1, 65536), "Samples per local step."),
        key("training.head_first_steps", field(&Config::training, &T::head_first_steps),
            integer<std::uint64_t>(0),
            "So many steps only the dense layers at the model's end learn, then all."),
        key("training.max_steps", field(&Config::training, &T::max_steps),
            integer<std::uint64_t>(0), "Local steps after which this node is done; 0 = never."),
        key("training.exit_when_done", field(&Config::training, &T::exit_when_done), boolean(),
            "Leave the network and end after the final round; needs `max_steps`."),
        key("training.seed", field(&Config::training, &T::seed), integer<std::uint64_t>(0),
            "Draws batches and dropout, with the shard's index."),
        key("training.device", field(&Config::training, &T::device),
            choice<Device>(kDevices, {"cuda", "cuda:"}), "Where the training runs."),
    };
}

std::vector<Key> averaging_keys() {
    using A = protocol::AveragingSettings;
    using O = protocol::OuterOptimizer;
    const auto outer = [](auto O::*member) {
        return [member](Config & config) -> auto& {
            return config.averaging.outer.*member;
        };
    };
    return {
        monitor_key("averaging.monitor",
                    "The numbers that peers tell of their drift, and the condition for a round."),
        threshold_key("averaging.threshold",
                      "A round starts when the bound on the models' variance is above this; auto: "
                      "found anew after each round."),
        by_default("needed by auto", key("averaging.initial_threshold",
                                         field(&Config::auto_threshold, &AutoThreshold::initial),
                                         number(above(0)), "auto: the first one.")),
        by_default(
            "this or the next is needed by auto",
            key("averaging.target_interval_steps",
                field(&Config::auto_threshold, &AutoThreshold::interval_steps), number(at_least(1)),
                "auto: local steps that should lie between two rounds.")),
        by_default(
            "none",
            key("averaging.target_bytes_per_step",
                field(&Config::auto_threshold, &AutoThreshold::bytes_per_step), number(above(0)),
                "auto: bytes of models that a peer should send per local step; states come on "
                "top.")),
        key("averaging.pace", field(&Config::averaging, &A::pace), choice<protocol::Pace>(kPaces),
            "free: nobody waits; lockstep: step by step together, reproducible to the bit."),
        key("averaging.max_lag_steps", field(&Config::averaging, &A::max_lag_steps),
            integer<std::uint64_t>(0),
            "free: how far a peer may run ahead of the slowest; 0 = no bound."),
        key("averaging.outer_optimizer", outer(&O::kind),
            choice<protocol::OuterKind>(kOuterOptimizers),
            "The rule that makes the next reference of the mean model."),
        by_default("1 of momentum, 0.7 of nesterov, 0.001 of adam",
                   key("averaging.outer_learning_rate", outer(&O::learning_rate), number(above(0)),
                       "Its step size; not of average.")),
        key("averaging.outer_momentum", outer(&O::momentum), number(from_to_below(0, 1)),
            "momentum, nesterov; of adam the decay of the first moment."),
        key("averaging.outer_beta2", outer(&O::beta2), number(from_to_below(0, 1)),
            "Only of adam: the decay of the second moment."),
        key("averaging.outer_epsilon", outer(&O::epsilon), number(above(0)),
            "Only of adam: keeps a division finite."),
        key("averaging.weights", field(&Config::averaging, &A::weights),
            choice<protocol::WeightRule>(kWeightRules),
            "How much a peer counts: like any other, or by how many samples it trains on."),
        only("averaging.wire", "float32", {"bfloat16", "int8"}, "Numbers of models in transit."),
        key("averaging.min_peers", field(&Config::averaging, &A::min_peers),
            integer<std::uint32_t>(1, kPeersMax),
            "With fewer live peers than this: train, do not average."),
        key("averaging.quorum", field(&Config::averaging, &A::quorum),
            choice<protocol::QuorumRule>(kQuorumRules),
            "Of the last round's roster; none: each side of a partition goes on."),
        key("averaging.state_interval_ms", field(&Config::averaging, &A::state_interval),
            milliseconds(0, kMillisecondsMax), "free: a local state at most this often."),
        key("averaging.check_every", field(&Config::averaging, &A::check_every),
            integer<std::uint64_t>(1), "Local steps between two checks of the condition."),
        only("averaging.stale_drift", "keep", {"clip", "drop"},
             "The fate of the drift of a peer that was long away."),
        key(
            "averaging.sketch_rows",
            [](Config& config) -> std::uint32_t& { return config.averaging.sketch.rows; },
            integer<std::uint32_t>(1, kSketchRowsMax),
            "sketch: rows of 256 numbers; more are surer and cost more bytes."),
        key("averaging.sketch_seed", field(&Config::averaging, &A::sketch_seed),
            integer<std::uint64_t>(0),
            "sketch: draws its signs and rotations, the same at all peers."),
    };
}

std::vector<Key> metrics_keys() {
    using M = MetricsConfig;
    return {
        key("metrics.bind", field(&Config::metrics, &M::bind), metrics_address(),
            "Where a scraper finds /metrics, and a browser the status page; empty: nowhere."),
    };
}

std::vector<Key> output_keys() {
    using O = OutputConfig;
    return {
        by_default("none is written",
                   key("output.path", field(&Config::output, &O::path), model_file(),
                       "The reference, written here for other programs after each commit.")),
        key("output.every", field(&Config::output, &O::every),
            integer<std::uint32_t>(1, kEpochsMax),
            "Epochs from one reference that is written to the next."),
        key("output.hook", field(&Config::output, &O::hook),
            list_of(argument(), kHookArgumentsMax, Repetition::allowed),
            "Program and arguments, run each time it has been written; no shell."),
        key("output.hook_timeout_s", field(&Config::output, &O::hook_timeout_s),
            integer<std::uint32_t>(1, kHookTimeoutMax), "A hook that runs longer is ended."),
    };
}

std::vector<Key> security_keys() {
    using S = SecurityConfig;
    return {
        key("security.trusted_peers", field(&Config::security, &S::trusted_peers),
            list_of(public_key(), static_cast<std::size_t>(kPeersMax), Repetition::forbidden),
            "Public keys that may join, besides those in node.peers and those that joined by the "
            "network's token."),
        key("security.insecure", field(&Config::security, &S::insecure), boolean(),
            "No keys, no encryption: plain sockets, on loopback addresses only."),
    };
}

std::vector<Key> log_keys() {
    return {
        key("log.level", field(&Config::log, &LogConfig::level), choice<protocol::Level>(kLevels),
            "Lines below it are left out."),
    };
}

std::vector<Key> make_schema() {
    std::vector<Key> all;
    for (auto* table : {&node_keys, &model_keys, &data_keys, &training_keys, &averaging_keys,
                        &metrics_keys, &output_keys, &security_keys, &log_keys}) {
        std::vector<Key> keys = table();
        std::move(keys.begin(), keys.end(), std::back_inserter(all));
    }
    return all;
}

std::string_view table_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string_view leaf_of(std::string_view name) {
    return name.substr(name.rfind('.') + 1);  // npos + 1 == 0.
}

}  // namespace

std::span<const Key> schema() {
    static const std::vector<Key> kSchema = make_schema();
    return kSchema;
}

const Key* find_key(std::string_view name) {
    for (const Key& key : schema()) {
        if (key.name == name) return &key;
    }
    return nullptr;
}

bool is_table(std::string_view name) {
    const std::string prefix = std::string(name) + ".";
    return std::any_of(schema().begin(), schema().end(),
                       [&](const Key& key) { return key.name.starts_with(prefix); });
}

std::string suggestion(std::string_view unknown_name) {
    const std::string_view table = table_of(unknown_name);
    std::vector<std::string> siblings;  // Keys and tables at the same place.
    std::vector<std::string> anywhere;
    for (const Key& key : schema()) {
        if (leaf_of(key.name) == leaf_of(unknown_name)) anywhere.push_back(key.name);
        if (!table.empty() && !key.name.starts_with(std::string(table) + ".")) continue;
        const std::string_view rest =
            std::string_view(key.name).substr(table.empty() ? 0 : table.size() + 1);
        std::string sibling(rest.substr(0, rest.find('.')));
        if (siblings.empty() || siblings.back() != sibling) siblings.push_back(std::move(sibling));
    }
    if (const auto near = nearest(leaf_of(unknown_name), siblings)) {
        const std::string prefix = table.empty() ? "" : std::string(table) + ".";
        return fmt::format("; did you mean {}{}?", prefix, *near);
    }
    if (!anywhere.empty()) return fmt::format("; did you mean {}?", fmt::join(anywhere, " or "));
    return fmt::format("; known here: {}", fmt::join(siblings, ", "));
}

}  // namespace dynavg::config
