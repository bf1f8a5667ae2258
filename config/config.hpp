#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/role.hpp"
#include "protocol/core/settings.hpp"

/// The settings of dynavg.toml, as plain values that have been checked. Free of
/// LibTorch, so that `dynavg check-config` starts at once; the daemon makes training options of it.
namespace dynavg::config {

struct NodeConfig {
    std::string network;  ///< Needed by the daemon.
    std::string name;     ///< Default: the host's name.
    std::int32_t order = 0;
    protocol::Role role = protocol::Role::member;
    std::string bind = "tcp://127.0.0.1:7400";  ///< tcp://HOST:PORT; port 0 = any free.
    std::string advertise;                      ///< HOST:PORT; empty = the bound address.
    std::vector<std::string> peers;             ///< KEY@HOST:PORT or HOST:PORT, each once.
    std::filesystem::path state_dir = "/var/lib/dynavg";
    std::uint32_t checkpoint_interval_s = 60;  ///< Between two copies of local training.
    std::filesystem::path control = "/run/dynavg/control.sock";
    std::uint32_t start_peers = 1;
    std::uint64_t exchange_bytes_per_second = 0;  ///< Of models sent; 0: no bound.
};

struct ModelConfig {
    std::string builtin = "lenet5";  ///< A name of training::builtin_models().
    /// Widths of the hidden layers, of a model that takes them (training::HiddenLayers).
    std::vector<std::uint32_t> hidden{200, 100};
    std::string size = "tiny";      ///< Of a model that comes in sizes.
    double drop_path = 0;           ///< Stochastic depth, of a model that has it.
    std::filesystem::path weights;  ///< Where the initial model begins; may be empty.
    std::uint64_t seed = 1;         ///< The common initial model.
};

/// How one data set is cut among peers, for experiments.
struct Split {
    enum class Kind : std::uint8_t { iid, label, sorted, dirichlet, unequal };
    Kind kind = Kind::iid;
    /// label: which label comes first; sorted: the fraction that is; dirichlet: its parameter;
    /// unequal: the largest shard to the smallest.
    double value = 0;
    bool operator==(const Split&) const = default;
};

/// The change at drift_at: of the labels of the classes, or of the places of the pixels.
enum class DriftKind : std::uint8_t { labels, pixels };

struct ShardConfig {
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    Split split;
};

/// The set on which the reference is evaluated.
struct TestConfig {
    std::filesystem::path path;      ///< Empty: as DataConfig::path. Of a source that has one.
    std::uint64_t samples = 0;       ///< 0 = all; of a source that draws, 0 = 10000.
    std::uint64_t every_rounds = 1;  ///< Evaluate after each n-th round.
};

struct DataConfig {
    std::string source = "synthetic-digits";  ///< A name of training::all_sources().
    std::filesystem::path path;               ///< Of a source that reads files: their folder.
    std::uint64_t samples = 60000;  ///< Of one that draws: how many samples, before the cut.
    std::uint64_t seed = 1;         ///< Of one that draws: equal seeds, equal samples.
    std::uint64_t drift_at = 0;     ///< Local step at which the data change; 0 = never.
    DriftKind drift = DriftKind::labels;
    std::optional<ShardConfig> shard;
    std::optional<TestConfig> test;  ///< Absent: the reference is not evaluated.
};

enum class OptimizerKind : std::uint8_t { sgd, adam, adamw };
enum class Device : std::uint8_t { cpu };

struct TrainingConfig {
    OptimizerKind optimizer = OptimizerKind::adam;
    double learning_rate = 0.001;
    double momentum = 0;    ///< sgd.
    bool nesterov = false;  ///< sgd with momentum.
    double weight_decay = 0;
    double epsilon = 1e-7;  ///< adam, adamw.
    std::uint32_t batch_size = 32;
    std::uint64_t head_first_steps = 0;  ///< At first only the head learns.
    std::uint64_t max_steps = 0;         ///< 0 = for ever.
    bool exit_when_done = false;
    std::uint64_t seed = 1;
    Device device = Device::cpu;
};

/// threshold = "auto", as written; load_config() makes averaging.threshold_rule of it.
struct AutoThreshold {
    bool chosen = false;
    double initial = 0;
    double interval_steps = 0;  ///< 0: not given.
    double bytes_per_step = 0;  ///< 0: not given.
};

struct MetricsConfig {
    std::string bind;  ///< tcp://HOST:PORT; port 0 = any free; empty: no metrics and no page.
};

/// The reference as a file for other programs.
struct OutputConfig {
    std::filesystem::path path;     ///< .pt, .pth or .npz; empty: none is written.
    std::uint32_t every = 1;        ///< Epochs from one that is written to the next.
    std::vector<std::string> hook;  ///< Program and arguments; empty: nothing is run.
    std::uint32_t hook_timeout_s = 300;
};

struct SecurityConfig {
    std::vector<std::string> trusted_peers;  ///< Public keys, as PeerId::hex().
    bool insecure = false;
};

struct LogConfig {
    protocol::Level level = protocol::Level::info;  ///< And above.
};

/// Where a key stands; from 1. Line 0: it has no place in a file.
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string source;  ///< The file, or "--set KEY=VALUE"; empty: the configuration's own file.
};

struct Config {
    NodeConfig node;
    ModelConfig model;
    DataConfig data;
    TrainingConfig training;
    protocol::AveragingSettings averaging;
    AutoThreshold auto_threshold;
    SecurityConfig security;
    LogConfig log;

    MetricsConfig metrics;
    OutputConfig output;
    /// A joiner without `[averaging]` takes the network's settings.
    bool has_averaging_section = false;

    /// For messages about values that are found wrong later on.
    std::string file;
    std::map<std::string, Position, std::less<>> positions;  ///< Of every key that was set.
};

/// Reads and checks a file. An error's message has one line per problem, each
/// "FILE:LINE:COLUMN: key: what is wrong; what is allowed".
[[nodiscard]] Expected<Config, Error> load_config(const std::filesystem::path& file);

/// The same of a text; `name` stands for the file in messages.
[[nodiscard]] Expected<Config, Error> parse_config(std::string_view text, const std::string& name);

/// The daemon's demands beyond a valid file: a network's name; a key for each of its peers, or
/// with `insecure = true` loopback addresses only.
[[nodiscard]] Expected<void, Error> check_daemon_rules(const Config& config);

/// Every key by its name, with its value as TOML, whether it was set or is a default. Two
/// configurations that agree in all of these train the same. Without [node], [metrics], [output],
/// [security] and [log], which are about where training happens, and without tables that are
/// absent.
[[nodiscard]] std::map<std::string, std::string> effective_values(const Config& config);

[[nodiscard]] std::string_view name_of(protocol::Role role);
[[nodiscard]] std::string_view name_of(OptimizerKind kind);
[[nodiscard]] std::string_view name_of(Device device);
/// As written in the file: "iid", "label:3", "sorted:0.6".
[[nodiscard]] std::string text_of(const Split& split);

}  // namespace dynavg::config
