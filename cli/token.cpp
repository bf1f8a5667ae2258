#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/ask_daemon.hpp"
#include "cli/node_setup.hpp"
#include "cli/verb.hpp"
#include "control/replies.hpp"
#include "identity/key_file.hpp"

namespace dynavg::cli {
namespace {

struct TokenOptions {
    std::filesystem::path config = kDefaultConfig;
    bool renew = false;
    bool close = false;
};

/// A daemon that runs must know; one that does not will read the file when it starts.
Expected<void, Error> tell_daemon(const config::Config& config) {
    const auto reply = control::ask(config.node.control, control::request("token"));
    if (!reply) return {};
    return control::done_from(*reply);
}

Expected<void, Error> run(const TokenOptions& options, const config::Config& config) {
    const std::filesystem::path& state = config.node.state_dir;
    const auto own = identity::load_identity(state);
    if (!own) return Unexpected<Error>(own.error());
    if (options.close) {
        if (auto removed = identity::remove_token_secret(state); !removed) return removed;
        fmt::print("Nobody can join through this node any more.\n");
        return tell_daemon(config);
    }
    auto secret = identity::load_token_secret(state);
    if (!secret) return Unexpected<Error>(secret.error());
    if (options.renew) {
        *secret = identity::make_identity().secret;
        if (auto saved = identity::save_token_secret(state, **secret); !saved) return saved;
        if (auto told = tell_daemon(config); !told) return told;
    }
    if (!*secret) return fail("this node has no token; `dynavg token --new` makes one");
    fmt::print("{}\n", identity::text_of(token_of(config, own->id, **secret)));
    return {};
}

}  // namespace

void add_token(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("token", "Print the token by which others join");
    const auto options = std::make_shared<TokenOptions>();
    verb->add_option("--config", options->config, "The node's configuration")
        ->capture_default_str()
        ->type_name("FILE");
    CLI::Option* renew =
        verb->add_flag("--new", options->renew, "Make a new one; here the old one ends");
    verb->add_flag("--close", options->close, "Nobody joins through this node any more")
        ->excludes(renew);
    verb->footer(
        "A token is kept like a password: whoever has it can join. Every node that joined by it\n"
        "holds it, and lets others join; --new and --close are about this node alone.\n\n"
        "Example:\n  dynavg token");
    verb->callback([options, &result] {
        const auto config = load_daemon_config(options->config);
        if (!config) {
            complain(config.error().message);
            result = ExitCode::invalid_configuration;
            return;
        }
        const auto done = run(*options, *config);
        if (!done) complain(done.error().message);
        result = done ? ExitCode::done : ExitCode::failed;
    });
}

}  // namespace dynavg::cli
