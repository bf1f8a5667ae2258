#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/ask_daemon.hpp"
#include "cli/node_setup.hpp"
#include "cli/verb.hpp"
#include "control/replies.hpp"
#include "identity/key_file.hpp"

namespace dynavg::cli {
namespace {

constexpr std::chrono::seconds kWaitMax{60};
constexpr std::chrono::milliseconds kAskEvery{250};

struct JoinOptions {
    SetupOptions setup;
    std::string token;
    bool observer = false;
};

/// The model is the network's, and so is in the token: "model.builtin = ..." lines.
std::map<std::string, std::string> keys_from(const identity::Token& token) {
    std::map<std::string, std::string> keys{
        {"node.network", quoted(token.network)},
        {"node.peers", fmt::format("[{}]", quoted(token.host.hex() + "@" + token.address))}};
    std::istringstream lines(token.model);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find(" = ");
        if (equals == std::string::npos || !line.starts_with("model.")) continue;
        keys.emplace(line.substr(0, equals), line.substr(equals + 3));
    }
    return keys;
}

/// How many other peers the daemon hears; none while it does not answer.
std::uint32_t live_peers(const std::filesystem::path& socket) {
    const auto reply = control::ask(socket, control::request("status"));
    const auto status = reply ? control::status_from(*reply) : fail("");
    return status ? status->peers_live : 0;
}

Expected<void, Error> wait_for_peers(const config::Config& config, const identity::Token& token) {
    const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::uint32_t live = live_peers(config.node.control);
        if (live > 0) {
            fmt::print("Joined {}: {} other {} live.\n", token.network, live,
                       live == 1 ? "peer is" : "peers are");
            return {};
        }
        std::this_thread::sleep_for(kAskEvery);
    }
    return fail(fmt::format(
        "the service runs, but {} has not answered for {} s. Is its daemon up, are its three ports "
        "reachable from here and this node's ({}) from there? `journalctl -u dynavgd` tells more",
        token.address, kWaitMax.count(), config.node.advertise));
}

Expected<void, Error> join(const JoinOptions& options) {
    const auto token = identity::parse_token(options.token);
    if (!token) return Unexpected<Error>(token.error());
    auto keys = keys_from(*token);
    if (options.observer) keys["node.role"] = quoted("observer");
    const auto config = set_up_config(options.setup, keys);
    if (!config) return Unexpected<Error>(config.error());
    const auto own = identity::load_or_make_identity(config->node.state_dir);
    if (!own) return Unexpected<Error>(own.error());
    if (own->id == token->host) {
        return fail("this is the node that made the token; join from the other machines");
    }
    if (auto saved = identity::save_token_secret(config->node.state_dir, token->secret); !saved) {
        return saved;
    }
    fmt::print("{} is written; this node is {}.\n", options.setup.config.string(),
               own->id.fingerprint());
    if (!options.setup.start || !has_service(options.setup)) {
        fmt::print("Start it with: dynavgd --config {}\n", options.setup.config.string());
        return {};
    }
    if (auto started = start_service(options.setup); !started) return started;
    return wait_for_peers(*config, *token);
}

}  // namespace

void add_join(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("join", "Make this machine a peer of a network");
    const auto options = std::make_shared<JoinOptions>();
    verb->add_option("token", options->token, "As `dynavg init` or `dynavg token` printed it")
        ->required()
        ->type_name("TOKEN");
    verb->add_flag("--observer", options->observer,
                   "Follow the network's model, without data and without a say");
    add_setup_options(*verb, options->setup);
    verb->footer(
        "Writes the configuration, makes this node's key, starts the service where systemd runs\n"
        "and waits until it is in. With the token the daemon makes its key known to the others.\n\n"
        "Example:\n  dynavg join dynavg1-... --source idx --data /srv/mnist");
    verb->callback([options, &result] {
        options->setup = with_paths(options->setup);
        const auto done = join(*options);
        if (!done) complain(done.error().message);
        result = done ? ExitCode::done : ExitCode::failed;
    });
}

}  // namespace dynavg::cli
