#include "config/config.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// dynavg.toml. A file that is accepted can be written down again, and is then the same.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    const auto config = config::parse_config(as_text(input), "dynavg.toml");
    if (!config) {
        DYNAVG_CHECK(!config.error().message.empty());
        return;
    }
    (void)config::check_daemon_rules(*config);
    const auto values = config::effective_values(*config);
    std::string text;
    for (const auto& [key, value] : values) text += key + " = " + value + "\n";
    const auto again = config::parse_config(text, "again.toml");
    if (!again) protocol::check_failed(again.error().message.c_str());
    DYNAVG_CHECK(config::effective_values(*again) == values);
}

}  // namespace dynavg::fuzz
