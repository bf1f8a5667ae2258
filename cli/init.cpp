#include <memory>

#include <fmt/format.h>

#include "cli/ask_daemon.hpp"
#include "cli/node_setup.hpp"
#include "cli/verb.hpp"
#include "identity/key_file.hpp"

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

Expected<void, Error> init(const InitOptions& options) {
    const auto config = set_up_config(options.setup, {{"node.network", quoted(options.network)}});
    if (!config) return Unexpected<Error>(config.error());
    const auto own = identity::load_or_make_identity(config->node.state_dir);
    if (!own) return Unexpected<Error>(own.error());
    const auto secret = token_secret(config->node.state_dir);
    if (!secret) return Unexpected<Error>(secret.error());
    fmt::print(
        "The network {} begins here; {} is its configuration.\n"
        "On every other machine, with a token that is to be kept like a password:\n\n"
        "  dynavg join {}\n\n",
        config->node.network, options.setup.config.string(),
        identity::text_of(token_of(*config, own->id, *secret)));
    if (options.setup.start && has_service(options.setup)) {
        if (auto started = start_service(options.setup); !started) return started;
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
        "service where systemd runs. What the file says already stays.\n\n"
        "Example:\n  dynavg init field-robots --source idx --data /srv/mnist");
    verb->callback([options, &result] {
        options->setup = with_paths(options->setup);
        const auto done = init(*options);
        if (!done) complain(done.error().message);
        result = done ? ExitCode::done : ExitCode::failed;
    });
}

}  // namespace dynavg::cli
