#pragma once

#include <string>

namespace dynavg::control {

/// Something that a person should look at.
struct HealthFinding {
    std::string name;     ///< "no-peers"; for programs.
    std::string message;  ///< The fault, and its remedy.
    bool operator==(const HealthFinding&) const = default;
};

}  // namespace dynavg::control
