#include <exception>

#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/simulate.hpp"

// dynavg-simulate: the program that `dynavg simulate` becomes.

int main(int argc, char** argv) {
    try {
        return dynavg::cli::simulate_main(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(dynavg::cli::ExitCode::failed);
    }
}
