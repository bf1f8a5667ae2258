#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "config/config.hpp"
#include "config/overlay.hpp"
#include "config/service_folders.hpp"
#include "daemon/app/app.hpp"
#include "daemon/app/known_settings.hpp"
#include "daemon/app/open_files.hpp"
#include "daemon/app/service_manager.hpp"
#include "daemon/app/signals.hpp"
#include "daemon/outputs/log.hpp"
#include "protocol/exchange/reference_holder.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/posix_disk.hpp"
#include "training/assembly/export.hpp"
#include "training/assembly/learning.hpp"
#include "training/process.hpp"

// dynavgd: reads the configuration, makes what learns, and runs the daemon's App.

namespace {

using dynavg::Error;
using dynavg::Expected;
using dynavg::Unexpected;
namespace daemon = dynavg::daemon;

enum ExitCode { kDone = 0, kFailed = 1, kWrongArguments = 2, kInvalidConfiguration = 6 };

struct Arguments {
    std::string config;
    std::string log_format;  ///< Empty: default_log_format().
    std::string log_level;   ///< Empty: as the file says.
    bool check_config = false;
};

std::string with_priority(std::string_view lines) {
    std::string text;
    for (const char c : lines) {
        if (text.empty() || text.back() == '\n') text += "<3>";
        text += c;
    }
    return text;
}

/// In the journal each line is of the priority that stands before it.
int complain(const Error& error, ExitCode code) {
    std::string text = fmt::format("dynavgd: {}\n", error.message);
    if (daemon::is_journal_stream(STDERR_FILENO)) text = with_priority(text);
    fmt::print(stderr, "{}", text);
    return code;
}

/// Quarter seconds since 2024: larger at every start, as long as the clock goes forward.
dynavg::protocol::Incarnation new_incarnation() {
    using std::chrono::system_clock;
    const auto since =
        system_clock::now() -
        system_clock::time_point(std::chrono::sys_days(std::chrono::January / 1 / 2024));
    const auto quarters =
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count() / 250;
    return dynavg::protocol::Incarnation(static_cast<std::uint32_t>(quarters));
}

/// As the daemon runs with it; also when it is asked to read its file again.
Expected<dynavg::config::Config, Error> read_config(const Arguments& arguments) {
    std::vector<dynavg::config::Overlay> overlays;
    if (!arguments.log_level.empty()) {
        dynavg::config::Overlay level;
        level.key = "log.level";
        level.position.source = "--log-level";
        level.value = {arguments.log_level};
        overlays.push_back(std::move(level));
    }
    auto config = dynavg::config::load_config(arguments.config, overlays);
    if (!config) return config;
    if (const auto rules = dynavg::config::check_daemon_rules(*config); !rules) {
        return Unexpected<Error>(rules.error());
    }
    dynavg::config::use_service_folders(*config, arguments.config);
    dynavg::config::use_given_folders(*config);
    return config;
}

Expected<daemon::Learning, Error> make_learning(const dynavg::config::Config& config,
                                                const dynavg::assembly::Data& data) {
    namespace assembly = dynavg::assembly;
    daemon::Learning learning;
    auto initial = assembly::make_initial_reference(config, config.averaging);
    if (!initial) return Unexpected<Error>(initial.error());
    learning.initial = std::move(*initial);
    learning.model = assembly::model_spec(config).builtin;
    learning.fields = assembly::network_fields(config, *learning.initial);
    learning.write_reference = [config](const std::filesystem::path& path,
                                        const dynavg::protocol::Reference& reference) {
        return assembly::write_reference(path, config, reference, daemon::version());
    };
    if (config.node.role == dynavg::protocol::Role::observer) {
        learning.learner = std::make_unique<dynavg::protocol::ReferenceHolder>(learning.initial);
        return learning;
    }
    auto trainer = assembly::make_trainer(config, config.averaging, data,
                                          assembly::shard_choice(config.data), learning.initial);
    if (!trainer) return Unexpected<Error>(trainer.error());
    learning.learner = std::move(*trainer);
    auto evaluator = assembly::make_evaluator(config, data);
    if (!evaluator) return Unexpected<Error>(evaluator.error());
    if (*evaluator) {
        auto shared = std::make_shared<dynavg::training::Evaluator>(std::move(**evaluator));
        learning.evaluate = [shared](std::span<const float> values, std::uint64_t step) {
            return shared->evaluate(values, step);
        };
    }
    return learning;
}

/// A signal that came before the loop could take it: no reason to begin.
bool asked_to_end(daemon::Log& log) {
    const auto signal = daemon::SignalsHeld::pending();
    if (!signal) return false;
    log.write(dynavg::protocol::Event("stopped", dynavg::protocol::Level::info,
                                      fmt::format("ending before the start: {}", *signal))
                  .with("reason", *signal));
    return true;
}

/// Into the log, whatever its format, where those look who ask why the daemon ended.
int fail_in(daemon::Log& log, const Error& error, ExitCode code) {
    log.write(dynavg::protocol::Event("failed", dynavg::protocol::Level::error, error.message));
    return code;
}

/// Runs the daemon; again with the network's settings if it had to learn them first.
int run(dynavg::config::Config config, daemon::Log& log, const daemon::Hosting& hosting) {
    // One lock for all lives of this process.
    auto opened = dynavg::storage::PosixDisk::open(config.node.state_dir.string());
    if (!opened) return fail_in(log, opened.error(), kFailed);
    const std::shared_ptr<dynavg::storage::Disk> disk = std::move(*opened);
    daemon::take_known_settings(*disk, config);
    // Alone and without settings there is nobody to take them from: the defaults are the network's.
    if (config.node.peers.empty()) config.has_averaging_section = true;
    const bool observes = config.node.role == dynavg::protocol::Role::observer;
    const auto data = observes ? Expected<dynavg::assembly::Data, Error>()
                               : dynavg::assembly::load_data(config.data);
    if (!data) return fail_in(log, data.error(), kInvalidConfiguration);
    auto incarnation = new_incarnation();
    while (true) {
        if (asked_to_end(log)) return kDone;
        auto learning = make_learning(config, *data);
        if (!learning) return fail_in(log, learning.error(), kInvalidConfiguration);
        daemon::App app(config, std::move(*learning), incarnation, log, disk, hosting);
        if (const auto started = app.start(); !started) {
            return fail_in(log, started.error(), kFailed);
        }
        daemon::AppOutcome outcome = app.run();
        if (!outcome.learned) return outcome.exit_code;
        config = std::move(outcome.config);
        config.averaging = *outcome.learned;
        config.has_averaging_section = true;
        incarnation = incarnation.next();
    }
}

Expected<daemon::LogFormat, Error> log_format_of(const Arguments& arguments) {
    if (arguments.log_format.empty()) return daemon::default_log_format();
    const auto format = daemon::log_format_from_name(arguments.log_format);
    const bool can = !format || *format != daemon::LogFormat::journal || daemon::has_journal();
    if (can) return format;
    // Where to log is no reason not to run.
    fmt::print(stderr,
               "dynavgd: --log-format journal: this machine has no journal; the log goes to "
               "standard error as text\n");
    return daemon::LogFormat::text;
}

int start(const Arguments& arguments) {
    if (!arguments.log_level.empty()) {
        const auto level = daemon::level_from_name(arguments.log_level);
        if (!level) return complain(level.error(), kWrongArguments);
    }
    auto config = read_config(arguments);
    if (!config) return complain(config.error(), kInvalidConfiguration);
    if (arguments.check_config) {
        fmt::print("{}: valid\n", arguments.config);
        return kDone;
    }
    daemon::LogOptions options;
    const auto format = log_format_of(arguments);
    if (!format) return complain(format.error(), kWrongArguments);
    options.format = *format;
    options.level = config->log.level;
    options.node = config->node.name;
    options.network = config->node.network;
    daemon::Log log(std::move(options));
    daemon::raise_limit_of_open_files();
    if (const auto files = daemon::count_open_files()) {
        const auto enough = daemon::check_open_files(*files);
        if (!enough) return fail_in(log, enough.error(), kFailed);
    }
    dynavg::training::configure_process(1);
    daemon::ServiceManager manager;
    const daemon::Hosting hosting{[arguments] { return read_config(arguments); }, &manager};
    try {
        return run(std::move(*config), log, hosting);
    } catch (const std::exception& failure) {
        return fail_in(log, daemon::told_as_error(failure), kFailed);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app("dynavgd: trains one model on many machines without a server");
    app.footer("Example: dynavgd --config /etc/dynavg/dynavg.toml --log-format json");
    app.add_option("--config", arguments.config, "Configuration (TOML)")->required();
    app.add_flag("--check-config", arguments.check_config, "Only say whether it is valid");
    app.add_option("--log-format", arguments.log_format,
                   "text, json or journal; default: journal under systemd, else text");
    app.add_option("--log-level", arguments.log_level,
                   "debug, info, warning or error; default: the file's log.level");
    app.set_version_flag("--version", "dynavgd " + daemon::version());
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongArguments;
    }
    try {
        const daemon::SignalsHeld held;
        return start(arguments);
    } catch (const std::exception& error) {
        return complain(daemon::told_as_error(error), kFailed);
    }
}
