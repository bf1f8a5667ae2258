#include "config/overlay.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// --set KEY=VALUE of a command line, over a small file.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    const auto overlays = config::parse_overlay(std::string(as_text(input)), "--set");
    if (!overlays) {
        DYNAVG_CHECK(!overlays.error().message.empty());
        return;
    }
    const auto config = config::parse_config(
        "[node]\nnetwork = \"n\"\n[data]\nshard = { count = 4 }\n", "dynavg.toml", *overlays);
    if (config) {
        (void)config::effective_values(*config);
    } else {
        DYNAVG_CHECK(!config.error().message.empty());
    }
}

}  // namespace dynavg::fuzz
