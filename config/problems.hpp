#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace dynavg::config {

/// All that is wrong with a file, to be told at once.
class Problems {
public:
    void add(std::string key, Position position, std::string text);

    /// A key whose value was not stored: rules about it would only repeat the first complaint.
    [[nodiscard]] bool concerns(std::string_view key) const;
    [[nodiscard]] bool empty() const { return m_problems.empty(); }

    /// One line each, in the order of the file: "FILE:LINE:COLUMN: key: text". A problem of another
    /// source names that source, and comes after.
    [[nodiscard]] Error error(const std::string& file) const;

private:
    struct Problem {
        std::string key;
        Position position;
        std::string text;
    };
    std::vector<Problem> m_problems;
};

/// Checks that concern several keys: values that exclude or need each other.
void check_rules(const Config& config, Problems& problems);

/// For a configuration that passed: sets the averaging settings that follow from others.
void settle_averaging(Config& config);

}  // namespace dynavg::config
