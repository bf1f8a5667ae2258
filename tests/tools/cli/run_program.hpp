#pragma once

#include <cstdio>
#include <string>

#include <sys/wait.h>

#include "tests/catch.hpp"

namespace dynavg::cli {

struct Outcome {
    int code = -1;
    std::string output;  ///< Both streams.
};

/// Runs a line of the shell and waits for its end.
[[nodiscard]] inline Outcome run_program(const std::string& line) {
    FILE* const pipe = popen((line + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    Outcome outcome;
    char buffer[4096];
    for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        outcome.output.append(buffer, n);
    }
    const int status = pclose(pipe);
    REQUIRE(WIFEXITED(status));
    outcome.code = WEXITSTATUS(status);
    return outcome;
}

}  // namespace dynavg::cli
