#include <exception>

#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/export.hpp"

// dynavg-export: the program that `dynavg export` becomes.

int main(int argc, char** argv) {
    try {
        return dynavg::cli::export_main(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(dynavg::cli::ExitCode::failed);
    }
}
