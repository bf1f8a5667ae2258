#include <cstdio>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

struct Options {
    std::string file;
    bool simulation = false;
    bool json = false;
};

Expected<config::Config, Error> check(const Options& options) {
    auto config = config::load_config(options.file);
    if (!config || options.simulation) return config;
    const auto checked = config::check_daemon_rules(*config);
    if (!checked) return Unexpected<Error>(checked.error());
    return config;
}

std::string steps_text(std::uint64_t max_steps) {
    return max_steps == 0 ? "for ever" : fmt::format("for {} steps", max_steps);
}

void print_summary(const config::Config& config, const Options& options) {
    fmt::print("{}: valid\n", options.file);
    if (!options.simulation) {
        fmt::print("  node       {} of network {}, {}, {} seeds\n", config.node.name,
                   config.node.network, config.node.bind, config.node.peers.size());
    }
    fmt::print("  model      {}, seed {}\n", config.model.builtin, config.model.seed);
    if (config.node.role == protocol::Role::observer) {
        fmt::print("  role       observer: follows the reference{}\n",
                   config.output.path.empty() ? "" : ", into " + config.output.path.string());
        return;
    }
    fmt::print("  data       {}{}\n", config.data.source,
               config.data.path.empty() ? "" : " in " + config.data.path.string());
    fmt::print("  training   {}, learning rate {}, batches of {}, {}\n",
               config::name_of(config.training.optimizer), config.training.learning_rate,
               config.training.batch_size, steps_text(config.training.max_steps));
    if (config.has_averaging_section || options.simulation) {
        fmt::print("  averaging  {} monitor, threshold {}, {} pace\n",
                   protocol::name_of(config.averaging.monitor), config.averaging.threshold,
                   config.averaging.pace == protocol::Pace::free ? "free" : "lockstep");
    } else {
        fmt::print("  averaging  as the network that it joins\n");
    }
}

void print_json(const Options& options, const std::string& errors) {
    nlohmann::json lines = nlohmann::json::array();
    std::istringstream stream(errors);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    const nlohmann::json report{
        {"file", options.file}, {"valid", errors.empty()}, {"errors", std::move(lines)}};
    std::fputs(control::to_line(report).c_str(), stdout);
}

ExitCode run(const Options& options) {
    const auto config = check(options);
    if (options.json) {
        print_json(options, config ? "" : config.error().message);
    } else if (config) {
        print_summary(*config, options);
    } else {
        fmt::print(stderr, "{}\n", config.error().message);
    }
    return config ? ExitCode::done : ExitCode::invalid_configuration;
}

}  // namespace

void add_check_config(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("check-config", "Whether a configuration file is valid");
    const auto options = std::make_shared<Options>();
    CLI::Option* positional = verb->add_option("FILE", options->file, "The file");
    CLI::Option* named = verb->add_option("--config", options->file, "The same, by name");
    positional->type_name("");
    named->type_name("FILE");
    verb->add_flag("--simulation", options->simulation,
                   "For `dynavg simulate`, which ignores [node] and [security]");
    verb->add_flag("--json", options->json, "Print the result as JSON");
    verb->footer("Example:\n  dynavg check-config /etc/dynavg/dynavg.toml");
    verb->callback([=, &result] {
        if (options->file.empty()) throw CLI::RequiredError("FILE");
        if (!positional->empty() && !named->empty()) throw CLI::ExcludesError("FILE", "--config");
        result = run(*options);
    });
}

}  // namespace dynavg::cli
