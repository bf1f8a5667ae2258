#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>

#include "control/client.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

/// The options of all verbs that speak to a daemon.
struct DaemonOptions {
    std::filesystem::path control = control::kDefaultSocket;
    bool json = false;
};

void add_daemon_options(CLI::App& verb, DaemonOptions& options);

[[nodiscard]] ExitCode exit_code_of(const control::ClientError& error);

/// Prints why there is no answer.
[[nodiscard]] Expected<nlohmann::json, ExitCode> ask_daemon(
    const DaemonOptions& options, const nlohmann::json& request,
    std::chrono::milliseconds timeout = control::kDefaultTimeout);

/// Asks for something to be done and prints `done_text`, or the answer as JSON.
[[nodiscard]] ExitCode order_daemon(const DaemonOptions& options, const nlohmann::json& request,
                                    std::string_view done_text);

/// "dynavg: MESSAGE" to standard error.
void complain(std::string_view message);

}  // namespace dynavg::cli
