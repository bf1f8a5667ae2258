#include <exception>

#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/doctor.hpp"

// dynavg-doctor: the program that `dynavg doctor` becomes.

int main(int argc, char** argv) {
    try {
        return dynavg::cli::doctor_main(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(dynavg::cli::ExitCode::failed);
    }
}
