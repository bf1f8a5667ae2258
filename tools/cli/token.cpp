#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "identity/key_file.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/node_setup.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {
namespace {

struct TokenOptions {
    std::filesystem::path config = kDefaultConfig;
    std::filesystem::path control;  ///< Empty: as the configuration says.
    bool renew = false;
    bool close = false;
    bool json = false;
};

/// A daemon that runs must know; one that does not will read the file when it starts.
Expected<void, Failure> tell_daemon(const TokenOptions& options, const config::Config& config) {
    using Kind = control::ClientError::Kind;
    const std::filesystem::path& socket =
        options.control.empty() ? config.node.control : options.control;
    const auto reply = control::ask(socket, control::request("token"));
    if (!reply && reply.error().kind == Kind::not_running) return {};
    const auto untold = [](ExitCode code, const std::string& why) {
        return failure(code, fmt::format("{}. The file is changed, but a daemon that runs still "
                                         "lets in by the old token: restart it, or try again",
                                         why));
    };
    if (!reply) return untold(exit_code_of(reply.error()), reply.error().message);
    if (auto done = control::done_from(*reply); !done) {
        return untold(ExitCode::failed, done.error().message);
    }
    return {};
}

Expected<void, Failure> close(const TokenOptions& options, const config::Config& config) {
    auto removed = identity::remove_token_secret(config.node.state_dir);
    if (!removed) return failure(removed.error());
    if (auto told = tell_daemon(options, config); !told) return told;
    if (options.json) {
        std::fputs(control::to_line({{"token", nullptr}}).c_str(), stdout);
    } else {
        fmt::print("Nobody can join through this node any more.\n");
    }
    return {};
}

Expected<void, Failure> run(const TokenOptions& options) {
    const auto config = load_daemon_config(options.config);
    if (!config) return Unexpected<Failure>(config.error());
    const std::filesystem::path& state = config->node.state_dir;
    const auto own = identity::load_identity(state);
    if (!own) return failure(own.error());
    if (options.close) return close(options, *config);
    auto secret = identity::load_token_secret(state);
    if (!secret) return failure(secret.error());
    if (options.renew) {
        *secret = identity::make_identity().secret;
        auto saved = identity::save_token_secret(state, **secret);
        if (!saved) return failure(saved.error());
        if (auto told = tell_daemon(options, *config); !told) return told;
    }
    if (!*secret) {
        return failure(ExitCode::failed, "this node has no token; `dynavg token --new` makes one");
    }
    const std::string token = identity::text_of(token_of(*config, own->id, **secret));
    if (options.json) {
        std::fputs(control::to_line({{"token", token}}).c_str(), stdout);
    } else {
        fmt::print("{}\n", token);
    }
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
    verb->add_option("--control", options->control,
                     "The daemon's control socket; default: the configuration's")
        ->type_name("SOCKET");
    verb->add_flag("--json", options->json, "Print it as JSON");
    verb->footer(
        "A token is kept like a password: any machine that has it can join. Every node that joined "
        "by it\n"
        "holds it, and lets others join; --new and --close are about this node alone.\n\n"
        "Example:\n  dynavg token");
    verb->callback([options, &result] { result = end_of(run(*options)); });
}

}  // namespace dynavg::cli
