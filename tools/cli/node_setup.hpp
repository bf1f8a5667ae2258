#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <CLI/App.hpp>

#include "config/config.hpp"
#include "identity/keys.hpp"
#include "identity/token.hpp"
#include "protocol/base/expected.hpp"
#include "tools/cli/verb.hpp"

/// The work of `dynavg init`, `join`, `token` and `id` on a machine: its configuration, its key,
/// its service. No daemon need run.
namespace dynavg::cli {

inline constexpr const char* kDefaultConfig = "/etc/dynavg/dynavg.toml";

/// Why a verb ends early.
struct [[nodiscard]] Failure {
    ExitCode code = ExitCode::failed;
    std::string message;
};
[[nodiscard]] Unexpected<Failure> failure(ExitCode code, std::string message);
[[nodiscard]] Unexpected<Failure> failure(const Error& error);
/// Prints why, if it failed.
[[nodiscard]] ExitCode end_of(const Expected<void, Failure>& done);

/// For the verbs that make a node of this machine.
struct SetupOptions {
    std::string instance;  ///< Of dynavgd@.service; empty: dynavgd.service.
    std::filesystem::path config = kDefaultConfig;
    std::string name;       ///< Empty: the host's.
    std::string advertise;  ///< HOST, HOST:PORT or empty: this machine's first address.
    std::uint16_t port = 7400;
    std::string source;  ///< [data]; empty: as it is.
    std::filesystem::path data;
    std::filesystem::path state;    ///< Empty: as it is.
    std::filesystem::path control;  ///< Empty: as it is.
    bool start = true;
    bool json = false;
};
void add_setup_options(CLI::App& verb, SetupOptions& options);
/// With an instance the paths that were not given are those of its unit.
[[nodiscard]] SetupOptions with_paths(SetupOptions options);

/// The file at `file`, checked for what a daemon needs, with the folders of its unit.
[[nodiscard]] Expected<config::Config, Failure> load_daemon_config(
    const std::filesystem::path& file);

/// Writes the configuration: the file's text, or the default one's, with the options and `keys`
/// ("node.network" -> TOML) set. It is left alone if it already belongs to another network, or if
/// the result would not be valid. Comments stay.
[[nodiscard]] Expected<config::Config, Failure> set_up_config(
    const SetupOptions& options, const std::map<std::string, std::string>& keys);

/// "KEY@HOST:PORT", as others write it in node.peers.
[[nodiscard]] std::string address_line(const config::Config& config, const protocol::PeerId& id);

/// The token by which others join at this node.
[[nodiscard]] identity::Token token_of(const config::Config& config, const protocol::PeerId& id,
                                       const identity::SecretKey& secret);

/// Whether this machine's service manager can run the daemon with this configuration.
[[nodiscard]] bool has_service(const SetupOptions& options);
/// Enables and starts the service, again if it runs. The error says what to type instead.
[[nodiscard]] Expected<void, Error> start_service(const SetupOptions& options);
[[nodiscard]] std::string unit_of(const SetupOptions& options);
/// `dynavg status` as it is typed for this node.
[[nodiscard]] std::string status_command(const SetupOptions& options);

/// As TOML.
[[nodiscard]] std::string toml_text(const std::string& text);

}  // namespace dynavg::cli
