#pragma once

#include <string>

#include "tests/daemon/control/running_control_server.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/cli/run_program.hpp"

/// Running the program `dynavg` as a person does.
namespace dynavg::cli::test {

using cli::Outcome;
using daemon::RunningControlServer;
using dynavg::test::TemporaryFolder;

inline Outcome run(const std::string& arguments, const std::string& program = DYNAVG_PROGRAM) {
    return run_program(program + " " + arguments);
}

}  // namespace dynavg::cli::test
