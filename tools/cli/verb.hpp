#pragma once

#include <cstdint>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

/// The verbs of `dynavg`, one file each.
namespace dynavg::cli {

/// The exit codes, on which scripts rely.
enum class ExitCode : std::uint8_t {
    done = 0,
    failed = 1,
    wrong_arguments = 2,
    invalid_configuration = 6,
    no_daemon = 7
};

/// Each adds its verb; the verb's exit code goes to `result` once it has run.
void add_init(CLI::App& app, ExitCode& result);
void add_join(CLI::App& app, ExitCode& result);
void add_token(CLI::App& app, ExitCode& result);
void add_keygen(CLI::App& app, ExitCode& result);
void add_id(CLI::App& app, ExitCode& result);
void add_trust(CLI::App& app, ExitCode& result);
void add_revoke(CLI::App& app, ExitCode& result);
void add_status(CLI::App& app, ExitCode& result);
void add_peers(CLI::App& app, ExitCode& result);
void add_rounds(CLI::App& app, ExitCode& result);
void add_wait(CLI::App& app, ExitCode& result);
void add_set(CLI::App& app, ExitCode& result);
void add_pause(CLI::App& app, ExitCode& result);
void add_resume(CLI::App& app, ExitCode& result);
void add_leave(CLI::App& app, ExitCode& result);
void add_forget(CLI::App& app, ExitCode& result);
void add_reload(CLI::App& app, ExitCode& result);
void add_check_config(CLI::App& app, ExitCode& result);
void add_report(CLI::App& app, ExitCode& result);
void add_verify(CLI::App& app, ExitCode& result);

}  // namespace dynavg::cli
