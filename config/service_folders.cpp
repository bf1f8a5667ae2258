#include "config/service_folders.hpp"

#include <cstdlib>
#include <system_error>

namespace dynavg::config {

namespace fs = std::filesystem;

namespace {

constexpr const char* kConfigFolder = "/etc/dynavg";
constexpr const char* kStateFolder = "/var/lib/dynavg";
constexpr const char* kRuntimeFolder = "/run/dynavg";
constexpr const char* kUnitWithoutName = "dynavg";
constexpr const char* kSocketName = "control.sock";

bool is_folder(std::string_view text) {
    return !text.empty() && text.find(':') == std::string_view::npos;
}

std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
}

}  // namespace

ServicePaths service_paths(const std::string& instance) {
    const std::string file = (instance.empty() ? kUnitWithoutName : instance) + ".toml";
    const auto own = [&](const char* folder) {
        return instance.empty() ? fs::path(folder) : fs::path(folder) / instance;
    };
    return {fs::path(kConfigFolder) / file, own(kStateFolder), own(kRuntimeFolder) / kSocketName};
}

void use_service_folders(Config& config, const fs::path& file) {
    std::error_code error;
    const fs::path whole = fs::absolute(file, error).lexically_normal();
    const std::string name = whole.stem().string();
    const bool is_ours =
        !error && whole.parent_path() == kConfigFolder && whole.extension() == ".toml";
    if (!is_ours || name == kUnitWithoutName) return;
    const ServicePaths paths = service_paths(name);
    use_given_folders(config, paths.state.string(), paths.control.parent_path().string());
}

void use_given_folders(Config& config, std::string_view state, std::string_view runtime) {
    if (is_folder(state) && !config.positions.contains("node.state_dir")) {
        config.node.state_dir = state;
    }
    if (is_folder(runtime) && !config.positions.contains("node.control")) {
        config.node.control = fs::path(runtime) / kSocketName;
    }
}

void use_given_folders(Config& config) {
    use_given_folders(config, environment("STATE_DIRECTORY"), environment("RUNTIME_DIRECTORY"));
}

}  // namespace dynavg::config
