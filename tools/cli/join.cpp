#include <cctype>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/client.hpp"
#include "control/replies.hpp"
#include "identity/key_file.hpp"
#include "tools/cli/node_setup.hpp"
#include "tools/cli/verb.hpp"

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
        {"node.network", toml_text(token.network)},
        {"node.peers", fmt::format("[{}]", toml_text(token.host.hex() + "@" + token.address))}};
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

/// How many there are as soon as there are any.
Expected<std::uint32_t, Error> wait_for_peers(const JoinOptions& options,
                                              const config::Config& config,
                                              const identity::Token& token) {
    const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::uint32_t live = live_peers(config.node.control);
        if (live > 0) return live;
        std::this_thread::sleep_for(kAskEvery);
    }
    return fail(fmt::format(
        "the service runs, but {} has not answered for {} s. Is its daemon up, are its three ports "
        "reachable from here and this node's ({}) from there? `journalctl -u {}` tells more",
        token.address, kWaitMax.count(), config.node.advertise, unit_of(options.setup)));
}

void print(const JoinOptions& options, const identity::Token& token, std::uint32_t live) {
    if (live > 0) {
        fmt::print("Joined {}: {} other {} live.\n", token.network, live,
                   live == 1 ? "peer is" : "peers are");
    } else {
        fmt::print("Start it with: dynavgd --config {}\n", options.setup.config.string());
    }
}

void print_json(const JoinOptions& options, const config::Config& config,
                const protocol::PeerId& own, std::uint32_t live) {
    const nlohmann::json printed{{"network", config.node.network},
                                 {"config", options.setup.config.string()},
                                 {"peer", address_line(config, own)},
                                 {"started", live > 0},
                                 {"peers_live", live}};
    std::fputs(control::to_line(printed).c_str(), stdout);
}

/// As an argument it would stand in the list of processes for as long as this runs.
std::string token_text(const JoinOptions& options) {
    if (options.token != "-") return options.token;
    std::string line;
    std::getline(std::cin, line);
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    std::erase_if(line, is_space);
    return line;
}

Expected<void, Failure> join(const JoinOptions& options) {
    const auto token = identity::parse_token(token_text(options));
    if (!token) return failure(ExitCode::wrong_arguments, token.error().message);
    auto keys = keys_from(*token);
    if (options.observer) keys["node.role"] = toml_text("observer");
    const auto config = set_up_config(options.setup, keys);
    if (!config) return Unexpected<Failure>(config.error());
    const auto own = identity::load_or_make_identity(config->node.state_dir);
    if (!own) return failure(own.error());
    if (own->id == token->host) {
        return failure(ExitCode::failed,
                       "this is the node that made the token; join from the other machines");
    }
    if (auto saved = identity::save_token_secret(config->node.state_dir, token->secret); !saved) {
        return failure(saved.error());
    }
    const bool json = options.setup.json;
    if (!json) {
        fmt::print("{} is written; this node is {}.\n", options.setup.config.string(),
                   own->id.fingerprint());
        (void)std::fflush(stdout);
    }
    std::uint32_t live = 0;
    if (options.setup.start && has_service(options.setup)) {
        if (auto started = start_service(options.setup); !started) return failure(started.error());
        const auto waited = wait_for_peers(options, *config, *token);
        if (!waited) return failure(waited.error());
        live = *waited;
    }
    if (json) {
        print_json(options, *config, own->id, live);
    } else {
        print(options, *token, live);
    }
    return {};
}

}  // namespace

void add_join(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("join", "Make this machine a peer of a network");
    const auto options = std::make_shared<JoinOptions>();
    verb->add_option(
            "token", options->token,
            "As `dynavg init` or `dynavg token` printed it; - reads it from standard input")
        ->required()
        ->type_name("TOKEN");
    verb->add_flag("--observer", options->observer,
                   "Follow the network's model, without data and without a say");
    add_setup_options(*verb, options->setup);
    verb->footer(
        "Writes the configuration, makes this node's key, starts the service where systemd runs\n"
        "and waits until it is in. With the token the daemon makes its key known to the others.\n"
        "Other users of this machine see the arguments of a program: `dynavg join -` asks for the\n"
        "token instead.\n\n"
        "Example:\n  dynavg join dynavg1-... --source idx --data /srv/mnist");
    verb->callback([options, &result] {
        options->setup = with_paths(options->setup);
        result = end_of(join(*options));
    });
}

}  // namespace dynavg::cli
