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

struct IdOptions {
    std::filesystem::path config = kDefaultConfig;
    bool json = false;
};

enum class MissingKey { fails, is_made };

ExitCode run(const IdOptions& options, MissingKey missing) {
    const auto config = load_daemon_config(options.config);
    if (!config) {
        complain(config.error().message);
        return config.error().code;
    }
    const auto own = missing == MissingKey::is_made
                         ? identity::load_or_make_identity(config->node.state_dir)
                         : identity::load_identity(config->node.state_dir);
    if (!own) {
        complain(own.error().message);
        return ExitCode::failed;
    }
    const std::string line = address_line(*config, own->id);
    if (options.json) {
        const nlohmann::json printed{{"key", own->id.hex()},
                                     {"peer_id", own->id.fingerprint()},
                                     {"peer", line},
                                     {"name", config->node.name}};
        std::fputs(control::to_line(printed).c_str(), stdout);
    } else {
        fmt::print("{}\n", line);
    }
    return ExitCode::done;
}

void add(CLI::App& app, ExitCode& result, const char* name, const char* about, MissingKey missing) {
    CLI::App* verb = app.add_subcommand(name, about);
    const auto options = std::make_shared<IdOptions>();
    verb->add_option("--config", options->config, "The node's configuration")
        ->capture_default_str()
        ->type_name("FILE");
    verb->add_flag("--json", options->json, "Print it as JSON");
    verb->footer(
        fmt::format("It prints KEY@HOST:PORT, for [node] peers of other nodes. The part before "
                    "the @ is for\n`dynavg trust` and [security] trusted_peers.\n\n"
                    "Example:\n  dynavg {} --config /etc/dynavg/dynavg.toml",
                    name));
    verb->callback([options, missing, &result] { result = run(*options, missing); });
}

}  // namespace

void add_id(CLI::App& app, ExitCode& result) {
    add(app, result, "id", "Print this node's public key and address", MissingKey::fails);
}

void add_keygen(CLI::App& app, ExitCode& result) {
    add(app, result, "keygen", "Make this node's key, unless it has one, and print it as `id` does",
        MissingKey::is_made);
}

}  // namespace dynavg::cli
