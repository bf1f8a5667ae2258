#include "tools/cli/node_setup.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/edit.hpp"
#include "config/host.hpp"
#include "config/names.hpp"
#include "config/service_folders.hpp"
#include "control/unix_socket.hpp"
#include "posix/replace_file.hpp"
#include "protocol/base/address.hpp"
#include "tools/cli/ask_daemon.hpp"

namespace dynavg::cli {
namespace {

namespace fs = std::filesystem;

/// Safe in a path and in a unit's name.
std::string check_instance(const std::string& name) {
    const bool fits = !name.empty() && name != "dynavg" && name.front() != '.' &&
                      std::all_of(name.begin(), name.end(), [](unsigned char c) {
                          return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                      });
    return fits ? "" : "letters, digits, '-', '_' and '.' are allowed, and not the name dynavg";
}

std::optional<std::string> read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return {};
    return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Its mode and owner stay if it was there. A new file is for all to read, the service among them:
/// it has no secrets.
Expected<void, Error> write_file(const fs::path& file, const std::string& text) {
    std::error_code ignored;
    if (file.has_parent_path()) fs::create_directories(file.parent_path(), ignored);
    return posix::replace_file(file, text,
                               {.mode = 0644,
                                .owner = posix::Owner::of_replaced,
                                .advice = "run this as root, or name another file with --config"});
}

/// "host:port" of what others are to dial.
Expected<std::string, Error> advertised(const SetupOptions& options) {
    std::string host = options.advertise;
    if (host.empty()) host = config::first_interface_address(config::AddressFamily::ipv4);
    if (protocol::parse_host_port(host)) return host;
    std::string address = fmt::format("{}:{}", host, options.port);
    if (protocol::parse_host_port(address)) return address;
    return fail(fmt::format("--advertise \"{}\" is neither HOST nor HOST:PORT", host));
}

Expected<std::map<std::string, std::string>, Error> keys_of(const SetupOptions& options) {
    const auto address = advertised(options);
    if (!address) return Unexpected<Error>(address.error());
    std::map<std::string, std::string> keys;
    keys["node.bind"] = toml_text(fmt::format("tcp://0.0.0.0:{}", options.port));
    keys["node.advertise"] = toml_text(*address);
    if (!options.name.empty()) keys["node.name"] = toml_text(options.name);
    if (!options.state.empty())
        keys["node.state_dir"] = toml_text(fs::absolute(options.state).string());
    if (!options.control.empty())
        keys["node.control"] = toml_text(fs::absolute(options.control).string());
    if (!options.source.empty()) keys["data.source"] = toml_text(options.source);
    if (!options.data.empty()) keys["data.path"] = toml_text(fs::absolute(options.data).string());
    return keys;
}

/// The configuration, checked by the rules of the daemon too.
Expected<config::Config, Failure> as_node(Expected<config::Config, Error> config,
                                          const fs::path& file) {
    const auto invalid = [](const Error& error) {
        return failure(ExitCode::invalid_configuration, error.message);
    };
    if (!config) return invalid(config.error());
    if (auto checked = config::check_daemon_rules(*config); !checked) {
        return invalid(checked.error());
    }
    config::use_service_folders(*config, file);
    return std::move(*config);
}

/// The installed default names no network of anybody's.
bool is_of_another_network(const config::Config& before, const config::Config& after) {
    const auto shipped = config::parse_config(config::default_text(), "");
    return before.node.network != after.node.network && !before.node.network.empty() &&
           before.node.network != shipped->node.network;
}

}  // namespace

Unexpected<Failure> failure(ExitCode code, std::string message) {
    return Unexpected<Failure>(Failure{code, std::move(message)});
}

Unexpected<Failure> failure(const Error& error) {
    return failure(ExitCode::failed, error.message);
}

ExitCode end_of(const Expected<void, Failure>& done) {
    if (done) return ExitCode::done;
    complain(done.error().message);
    return done.error().code;
}

void add_setup_options(CLI::App& verb, SetupOptions& options) {
    verb.add_option("--instance", options.instance,
                    "One of several daemons on this machine: dynavgd@NAME, /etc/dynavg/NAME.toml")
        ->check(check_instance)
        ->type_name("NAME");
    verb.add_option("--config", options.config, "The configuration to write")
        ->capture_default_str()
        ->type_name("FILE");
    verb.add_option("--name", options.name, "This node in logs; default: the host's name")
        ->type_name("NAME");
    verb.add_option("--advertise", options.advertise,
                    "What others dial; default: this machine's first address")
        ->type_name("HOST[:PORT]");
    verb.add_option("--port", options.port, "First of the node's three ports")
        ->capture_default_str()
        ->check(CLI::Range(1, 65533));
    verb.add_option("--source", options.source,
                    fmt::format("[data] source: {}", fmt::join(config::source_names(), ", ")))
        ->type_name("SOURCE");
    verb.add_option("--data", options.data, "[data] path: the folder of the data set")
        ->type_name("DIR");
    verb.add_option("--state-dir", options.state, "Where the node's key and checkpoints are")
        ->type_name("DIR");
    verb.add_option("--control", options.control, "The daemon's control socket")
        ->type_name("SOCKET");
    verb.add_flag("--no-start{false}", options.start, "Do not start the service");
    verb.add_flag("--json", options.json, "Print what was done as JSON");
}

Expected<config::Config, Failure> load_daemon_config(const fs::path& file) {
    return as_node(config::load_config(file), file);
}

Expected<config::Config, Failure> set_up_config(const SetupOptions& options,
                                                const std::map<std::string, std::string>& keys) {
    const auto found = read_file(options.config);
    std::string text = found ? *found : std::string(config::default_text());
    const auto before = config::parse_config(text, options.config.string());
    if (!before) return failure(ExitCode::invalid_configuration, before.error().message);
    auto all = keys_of(options);
    if (!all) return failure(ExitCode::wrong_arguments, all.error().message);
    all->insert(keys.begin(), keys.end());
    for (const auto& [key, value] : *all) {
        auto changed = config::set_key(text, key, value);
        if (!changed) {
            return failure(ExitCode::invalid_configuration,
                           fmt::format("{}: {}", options.config.string(), changed.error().message));
        }
        text = std::move(*changed);
    }
    // A joiner without the table takes the network's settings; so may the first node its defaults.
    text = config::without_empty_table(text, "averaging");
    auto after = as_node(config::parse_config(text, options.config.string()), options.config);
    if (!after) return after;
    if (is_of_another_network(*before, *after)) {
        return failure(
            ExitCode::failed,
            fmt::format("{} is of the network {} already; name another file with --config, "
                        "or change node.network there by hand",
                        options.config.string(), before->node.network));
    }
    if (auto written = write_file(options.config, text); !written) {
        return failure(written.error());
    }
    return after;
}

std::string address_line(const config::Config& config, const protocol::PeerId& id) {
    std::string address = config.node.advertise;
    if (address.empty()) {
        const auto bound = protocol::parse_tcp_address(config.node.bind);
        address =
            protocol::HostPort{protocol::is_wildcard(bound->host)
                                   ? config::first_interface_address(config::AddressFamily::ipv4)
                                   : bound->host,
                               bound->port}
                .text();
    }
    return fmt::format("{}@{}", id.hex(), address);
}

identity::Token token_of(const config::Config& config, const protocol::PeerId& id,
                         const identity::SecretKey& secret) {
    identity::Token token;
    token.host = id;
    const std::string line = address_line(config, id);
    token.address = line.substr(line.find('@') + 1);
    token.network = config.node.network;
    token.secret = secret;
    for (const auto& [key, value] : config::effective_values(config)) {
        // Others only as they were written: at its default a key may not fit the model.
        const bool common = key == "model.builtin" || key == "model.seed";
        if (!key.starts_with("model.") || (!common && !config.positions.contains(key))) continue;
        token.model += fmt::format("{} = {}\n", key, value);
    }
    return token;
}

SetupOptions with_paths(SetupOptions options) {
    if (options.instance.empty()) return options;
    const config::ServicePaths unit = config::service_paths(options.instance);
    if (options.config == kDefaultConfig) options.config = unit.config;
    if (options.state.empty()) options.state = unit.state;
    if (options.control.empty()) options.control = unit.control;
    if (options.name.empty()) options.name = options.instance;
    return options;
}

std::string unit_of(const SetupOptions& options) {
    return options.instance.empty() ? "dynavgd.service"
                                    : fmt::format("dynavgd@{}.service", options.instance);
}

std::string status_command(const SetupOptions& options) {
    if (options.control.empty()) return "dynavg status";
    return "dynavg status --control " + options.control.string();
}

bool has_service(const SetupOptions& options) {
    std::error_code error;
    return options.config == config::service_paths(options.instance).config &&
           fs::is_directory("/run/systemd/system", error);
}

Expected<void, Error> start_service(const SetupOptions& options) {
    const std::string unit = unit_of(options);
    const auto run = [](std::array<const char*, 4> words) {
        pid_t child = 0;
        std::array<char*, 5> arguments{};
        for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = const_cast<char*>(words[i]);
        if (posix_spawnp(&child, words[0], nullptr, nullptr, arguments.data(), environ) != 0) {
            return false;
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    };
    if (run({"systemctl", "--quiet", "enable", unit.c_str()}) &&
        run({"systemctl", "--quiet", "restart", unit.c_str()})) {
        return {};
    }
    return fail(
        fmt::format("the service did not start; `systemctl status {}` and `journalctl -u "
                    "{}` say why, then: `systemctl enable --now {}`",
                    unit, unit, unit));
}

std::string toml_text(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

}  // namespace dynavg::cli
