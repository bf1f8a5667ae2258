#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "identity/key_file.hpp"
#include "tools/cli/node_setup.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {
namespace {

struct InitOptions {
    SetupOptions setup;
    std::string network;
};

/// A second `init` keeps the token that others may hold already.
Expected<identity::SecretKey, Error> token_secret(const std::filesystem::path& state) {
    auto kept = identity::load_token_secret(state);
    if (!kept) return Unexpected<Error>(kept.error());
    if (*kept) return **kept;
    const identity::SecretKey made = identity::make_identity().secret;
    if (auto saved = identity::save_token_secret(state, made); !saved) {
        return Unexpected<Error>(saved.error());
    }
    return made;
}

/// Before the service starts: the token counts even if it does not.
void print(const InitOptions& options, const config::Config& config, const std::string& token) {
    fmt::print(
        "The network {} begins here; {} is its configuration.\n"
        "On every other machine, with a token that is to be kept like a password:\n\n"
        "  dynavg join {}\n\n",
        config.node.network, options.setup.config.string(), token);
    (void)std::fflush(stdout);
}

void print_json(const InitOptions& options, const config::Config& config,
                const protocol::PeerId& own, const std::string& token, bool started) {
    const nlohmann::json printed{{"network", config.node.network},
                                 {"config", options.setup.config.string()},
                                 {"peer", address_line(config, own)},
                                 {"token", token},
                                 {"started", started}};
    std::fputs(control::to_line(printed).c_str(), stdout);
}

Expected<void, Failure> init(const InitOptions& options) {
    const auto config =
        set_up_config(options.setup, {{"node.network", toml_text(options.network)}});
    if (!config) return Unexpected<Failure>(config.error());
    const auto own = identity::load_or_make_identity(config->node.state_dir);
    if (!own) return failure(own.error());
    const auto secret = token_secret(config->node.state_dir);
    if (!secret) return failure(secret.error());
    const std::string token = identity::text_of(token_of(*config, own->id, *secret));
    const bool json = options.setup.json;
    if (!json) print(options, *config, token);
    const bool starts = options.setup.start && has_service(options.setup);
    const auto started = starts ? start_service(options.setup) : Expected<void, Error>();
    if (json) print_json(options, *config, own->id, token, starts && started);
    if (!started) return failure(started.error());
    if (json) return {};
    if (starts) {
        fmt::print("The service runs: `{}` tells how it is doing.\n",
                   status_command(options.setup));
    } else {
        fmt::print("Start it with: dynavgd --config {}\n", options.setup.config.string());
    }
    return {};
}

}  // namespace

void add_init(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("init", "Begin a network here, and print its token");
    const auto options = std::make_shared<InitOptions>();
    verb->add_option("network", options->network, "Its name")->required()->type_name("NETWORK");
    add_setup_options(*verb, options->setup);
    verb->footer(
        "Writes the configuration, makes this node's key and the network's token, and starts the\n"
        "service where systemd runs. Lines that the file has already stay.\n\n"
        "Example:\n  dynavg init field-robots --source idx --data /srv/mnist");
    verb->callback([options, &result] {
        options->setup = with_paths(options->setup);
        result = end_of(init(*options));
    });
}

}  // namespace dynavg::cli
