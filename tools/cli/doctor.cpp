#include "tools/cli/doctor.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "config/names.hpp"
#include "control/checks.hpp"
#include "control/replies.hpp"
#include "daemon/app/app.hpp"
#include "daemon/app/known_settings.hpp"
#include "daemon/outputs/health.hpp"
#include "storage/posix_disk.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/node_setup.hpp"
#include "tools/cli/verb.hpp"
#include "tools/doctor/diagnosis.hpp"
#include "tools/doctor/local_facts.hpp"
#include "tools/doctor/lone_node.hpp"
#include "training/assembly/learning.hpp"
#include "training/process.hpp"

namespace dynavg::cli {

namespace {

using doctor::Facts;

struct Options {
    std::filesystem::path config = kDefaultConfig;
    std::filesystem::path control;  ///< Empty: the configuration's.
    bool json = false;
};

/// How often a daemon is asked whether its check of the peers is complete, and for how long.
constexpr std::chrono::milliseconds kAskAgain{100};
constexpr std::chrono::minutes kAskNoLonger{5};

doctor::DaemonFacts ask_status(const std::filesystem::path& socket) {
    doctor::DaemonFacts facts;
    facts.socket = socket.string();
    facts.own_version = daemon::version();
    const auto reply = control::ask(socket, control::request("status"));
    if (!reply) {
        // The finding has the remedy.
        const std::string& message = reply.error().message;
        facts.no_answer = message.substr(0, message.find("; "));
        return facts;
    }
    const auto status = control::status_from(*reply);
    if (!status) {
        facts.no_answer = status.error().message;
        return facts;
    }
    facts.answers = true;
    facts.version = status->version;
    facts.node = status->node;
    facts.network = status->network;
    facts.pid = status->pid;
    // Of clocks and rooms this tool judges by itself.
    for (const control::HealthFinding& finding : status->health) {
        const bool judged_here = finding.name == "clock-skew" || finding.name == "disk-low";
        if (!judged_here) facts.health.push_back(finding);
    }
    return facts;
}

/// The daemon's findings about the peers, once it has them.
void ask_for_peers(const std::filesystem::path& socket, doctor::PeersFacts& facts) {
    const auto give_up = std::chrono::steady_clock::now() + kAskNoLonger;
    for (bool start = true;; start = false) {
        const auto reply = control::ask(socket, control::check_peers_request(start));
        if (!reply) {
            facts.not_checked = reply.error().message;
            return;
        }
        auto checks = control::peer_checks_from(*reply);
        if (!checks) {
            facts.not_checked = checks.error().message;
            return;
        }
        if (checks->complete) {
            facts.checks = std::move(*checks);
            return;
        }
        if (std::chrono::steady_clock::now() > give_up) {
            facts.not_checked = "the daemon is not done with its check";
            return;
        }
        std::this_thread::sleep_for(kAskAgain);
    }
}

std::string text_of(const training::ImageShape& shape) {
    return fmt::format("{} x {} x {}", shape.channels, shape.height, shape.width);
}

/// As the daemon's main does it.
void read_data(const config::Config& config, doctor::LearningFacts& facts) {
    const bool has_folder = config::reads_files(config.data);
    facts.data_where = has_folder ? config.data.path.string() : config.data.source;
    facts.model_shape = text_of(assembly::image_shape(config.data));
    const auto data = assembly::load_data(config.data);
    if (!data) {
        facts.data_error = data.error().message;
        return;
    }
    facts.samples = data->train->size();
    facts.data_shape = text_of(data->train->shape);
}

/// Also makes the fields by which networks are compared.
protocol::NetworkFields make_model(const config::Config& config, Facts& facts) {
    doctor::LearningFacts& learning = *facts.learning;
    learning.model = config.model.builtin;
    const auto initial = assembly::make_initial_reference(config, config.averaging);
    if (!initial) {
        learning.model_error = initial.error().message;
        return {};
    }
    learning.parameters = (*initial)->parameters;
    facts.disk.wanted = daemon::disk_wanted((*initial)->shape());
    return assembly::network_fields(config, **initial);
}

/// The stopped daemon's folder, held so that none starts meanwhile.
std::shared_ptr<storage::Disk> hold_folder(const config::Config& config, std::string& why_not) {
    std::error_code error;
    if (!std::filesystem::is_directory(config.node.state_dir, error)) return nullptr;
    auto disk = storage::PosixDisk::open(config.node.state_dir.string());
    if (disk) return std::move(*disk);
    why_not = disk.error().message;
    return nullptr;
}

void try_peers_alone(const config::Config& config, const protocol::NetworkFields& fields,
                     doctor::PeersFacts& facts) {
    if (!facts.not_checked.empty()) return;
    if (fields.empty()) {
        facts.not_checked = "without a model there is nothing to compare";
        return;
    }
    auto checks = doctor::check_as_lone_node(config, fields);
    if (checks) {
        facts.checks = std::move(*checks);
    } else {
        facts.not_checked = checks.error().message;
    }
}

/// In an order: first the checks that need root, then the rest, as the daemon's user.
Facts gather(const Options& options, config::Config config) {
    Facts facts;
    facts.config_file = options.config.string();
    const std::filesystem::path& socket =
        options.control.empty() ? config.node.control : options.control;
    facts.daemon = ask_status(socket);
    const bool runs = facts.daemon.answers;
    facts.ports =
        doctor::look_at_ports(config, runs ? std::optional(facts.daemon.pid) : std::nullopt);
    if (runs) ask_for_peers(socket, facts.peers);
    facts.learning.emplace();
    facts.learning->read_as = doctor::become_owner_of(config.node.state_dir);
    facts.keys = doctor::look_at_keys(config);
    facts.peers.own_key = facts.keys.own_key;
    facts.disk.path = config.node.state_dir.string();
    facts.disk.free = doctor::free_bytes(config.node.state_dir);
    std::shared_ptr<storage::Disk> held;
    if (!runs) held = hold_folder(config, facts.peers.not_checked);
    if (held) daemon::take_known_settings(*held, config);
    if (config.node.peers.empty()) config.has_averaging_section = true;
    training::configure_process(1);
    if (config.node.role == protocol::Role::member) read_data(config, *facts.learning);
    const protocol::NetworkFields fields = make_model(config, facts);
    facts.blas = doctor::blas_of(doctor::loaded_libraries());
    if (!runs) try_peers_alone(config, fields, facts.peers);
    return facts;
}

ExitCode print(const std::vector<doctor::Finding>& findings, const Options& options) {
    std::fputs((options.json ? doctor::json_of(findings) : doctor::text_of(findings)).c_str(),
               stdout);
    if (std::fflush(stdout) != 0) return ExitCode::failed;
    return doctor::has_failure(findings) ? ExitCode::failed : ExitCode::done;
}

ExitCode run(const Options& options) {
    auto config = load_daemon_config(options.config);
    if (!config) {
        (void)print(doctor::diagnose_configuration(options.config.string(), config.error().message),
                    options);
        return config.error().code;
    }
    return print(doctor::diagnose(gather(options, std::move(*config))), options);
}

}  // namespace

int doctor_main(int argc, char** argv) {
    Options options;
    CLI::App app("Why this node does not work, and what to do", "dynavg doctor");
    app.add_option("--config", options.config, "The node's configuration")
        ->capture_default_str()
        ->type_name("FILE");
    app.add_option("--control", options.control,
                   "The daemon's control socket; default: the configuration's")
        ->type_name("SOCKET");
    app.add_flag("--json", options.json, "Print all findings as JSON");
    app.footer(
        "Looks at the configuration, keys, ports, disk, data, model and BLAS of this machine, and\n"
        "tries the way to each peer of the configuration and back. With the daemon running or\n"
        "stopped; run it with sudo, so that it may look. Exit codes: 0 without failures, 1 with,\n"
        "6 for a configuration that is not valid.\n\nExample:\n  dynavg doctor");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::wrong_arguments);
    }
    return static_cast<int>(run(options));
}

}  // namespace dynavg::cli
