#include "daemon/service_folders.hpp"

#include <cstdlib>
#include <filesystem>

namespace dynavg::daemon {

namespace {

bool is_folder(std::string_view text) {
    return !text.empty() && text.find(':') == std::string_view::npos;
}

std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
}

}  // namespace

void use_service_folders(config::Config& config, std::string_view state, std::string_view runtime) {
    if (is_folder(state) && !config.positions.contains("node.state_dir")) {
        config.node.state_dir = state;
    }
    if (is_folder(runtime) && !config.positions.contains("node.control")) {
        config.node.control = std::filesystem::path(runtime) / "control.sock";
    }
}

void use_service_folders(config::Config& config) {
    use_service_folders(config, environment("STATE_DIRECTORY"), environment("RUNTIME_DIRECTORY"));
}

}  // namespace dynavg::daemon
