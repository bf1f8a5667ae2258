#include <set>

#include "config/grid.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// A grid of experiments. Each run has a folder of its own, below the grid's.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    const auto runs = config::parse_grid(as_text(input), "/nonexistent/grid.toml");
    if (!runs) {
        DYNAVG_CHECK(!runs.error().message.empty());
        return;
    }
    std::set<std::string> names;
    for (const config::GridRun& one : *runs) {
        DYNAVG_CHECK(!one.name.empty() && one.name.front() != '.' && one.name.front() != '/');
        DYNAVG_CHECK(one.name.find("/.") == std::string::npos);
        DYNAVG_CHECK(one.name.find('\0') == std::string::npos);
        DYNAVG_CHECK(names.insert(one.name).second);
        DYNAVG_CHECK(one.steps.has_value() != one.epochs.has_value());
    }
}

}  // namespace dynavg::fuzz
