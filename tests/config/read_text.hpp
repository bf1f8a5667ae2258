#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "config/config.hpp"
#include "protocol/base/address.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;

inline Config parsed(const std::string& text) {
    auto config = parse_config(text, "test.toml");
    if (!config) FAIL(config.error().message);
    return *config;
}

inline std::string error_of(const std::string& text) {
    const auto config = parse_config(text, "test.toml");
    if (config) FAIL("was read without an error: " + text);
    return config.error().message;
}

const std::string kData = "[data]\nsource = \"synthetic-digits\"\n";
