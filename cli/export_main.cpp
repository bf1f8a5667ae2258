#include <exception>

#include "cli/ask_daemon.hpp"
#include "cli/export.hpp"

// dynavg-export: what `dynavg export` becomes.

int main(int argc, char** argv) {
    try {
        return dynavg::cli::export_main(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(dynavg::cli::ExitCode::failed);
    }
}
