#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/checks.hpp"
#include "control/escape.hpp"
#include "control/replies.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// A line of the control socket: as a request, as the daemon reads it, and as each answer, as the
// tool does. And any text, as it goes to a terminal.

namespace dynavg::fuzz {

namespace {

/// Texts of others in the output of `dynavg status` neither end a line nor steer a terminal.
void check_escaped(std::string_view text) {
    for (const char c : control::escaped(text)) {
        DYNAVG_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    }
    (void)control::characters(text);
}

std::size_t depth_of(const nlohmann::json& json) {
    std::size_t depth = 0;
    for (const nlohmann::json& item : json) {
        if (item.is_structured()) depth = std::max(depth, depth_of(item));
    }
    return depth + 1;
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    check_escaped(text);
    const auto json = control::from_line(text);
    if (!json) return;
    DYNAVG_CHECK(depth_of(*json) <= control::kNestingMax);
    (void)control::verb_of(*json);
    (void)control::peer_of(*json);
    (void)control::done_from(*json);
    // Read, told and read again, it is the same.
    if (const auto status = control::status_from(*json)) {
        const nlohmann::json told = control::to_reply(*status);
        const auto again = control::status_from(told);
        DYNAVG_CHECK(again && control::to_reply(*again) == told);
    }
    if (const auto peers = control::peers_from(*json)) {
        const nlohmann::json told = control::to_reply(*peers);
        const auto again = control::peers_from(told);
        DYNAVG_CHECK(again && control::to_reply(*again) == told);
    }
    if (const auto checks = control::peer_checks_from(*json)) {
        const nlohmann::json told = control::to_reply(*checks);
        const auto again = control::peer_checks_from(told);
        DYNAVG_CHECK(again && *again == *checks);
    }
    (void)control::starts_check(*json);
    const std::string line = control::to_line(*json);
    DYNAVG_CHECK(line.find('\n') == line.size() - 1);
    DYNAVG_CHECK(control::from_line(line).has_value());
}

}  // namespace dynavg::fuzz
