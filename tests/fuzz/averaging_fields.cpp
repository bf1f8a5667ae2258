#include "protocol/base/check.hpp"
#include "protocol/core/settings.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// The settings of a network, which a joiner takes from the first peer that it meets: lines
// KEY=VALUE. Settings that are accepted are told to others alike.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    std::string_view rest = as_text(input);
    // A setting that is not told is as in a network of today.
    protocol::NetworkFields fields = protocol::fields_of({});
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            fields.erase(std::string(line));
        } else {
            fields[std::string(line.substr(0, equals))] = line.substr(equals + 1);
        }
    }
    const auto settings = protocol::averaging_from_fields(fields);
    if (!settings) {
        DYNAVG_CHECK(!settings.error().message.empty());
        return;
    }
    const auto again = protocol::averaging_from_fields(protocol::fields_of(*settings));
    DYNAVG_CHECK(again && *again == *settings);
    (void)protocol::outer_rules(*settings);
}

}  // namespace dynavg::fuzz
