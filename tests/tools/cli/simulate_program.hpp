#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tools/cli/simulate.hpp"

/// `dynavg simulate` as a program, and a folder for it. Most tests call it in a fork: LibTorch
/// takes long to load.
namespace dynavg::cli {

namespace fs = std::filesystem;

inline constexpr const char* kConfig = R"(
    [model]
    builtin = "mlp"
    hidden = [16]
    [data]
    source = "synthetic-digits"
    samples = 600
    test = { samples = 200 }
    [training]
    batch_size = 8
    learning_rate = 0.01
    [averaging]
    pace = "lockstep"
    threshold = 0.3
)";

struct Outcome {
    int code = -1;
    std::string output;  ///< Both streams, unless the command sends one elsewhere.
};

/// Reads `stream` to its end.
inline std::string all_of(FILE* stream) {
    std::string text;
    char buffer[4096];
    for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, stream)) > 0;) {
        text.append(buffer, n);
    }
    return text;
}

inline Outcome shell(const std::string& command) {
    FILE* const pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    Outcome outcome;
    outcome.output = all_of(pipe);
    const int status = pclose(pipe);
    REQUIRE(WIFEXITED(status));
    outcome.code = WEXITSTATUS(status);
    return outcome;
}

/// The program's arguments, split at spaces, in a fork of this process.
inline Outcome simulate(const std::string& arguments) {
    std::vector<std::string> words{"dynavg-simulate"};
    std::istringstream stream(arguments);
    for (std::string word; stream >> word;) words.push_back(word);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::fflush(nullptr);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        const int code =
            dynavg::cli::simulate_main(static_cast<int>(pointers.size()), pointers.data());
        std::fflush(nullptr);
        _exit(code);
    }
    close(ends[1]);
    Outcome outcome;
    FILE* const output = fdopen(ends[0], "r");
    outcome.output = all_of(output);
    std::fclose(output);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    outcome.code = WEXITSTATUS(status);
    return outcome;
}

/// A folder with a configuration, and the command lines that use it.
class Workplace {
public:
    Workplace() { write("small.toml", kConfig); }

    [[nodiscard]] std::string file(const std::string& name) const { return m_folder / name; }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(file(name)) << text;
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ostringstream text;
        text << std::ifstream(file(name)).rdbuf();
        return text.str();
    }
    [[nodiscard]] std::string with(const std::string& arguments,
                                   const std::string& config = "small.toml") const {
        return "--config " + file(config) + " --out " + file("out") + " --peers 3 " + arguments;
    }

private:
    dynavg::test::TemporaryFolder m_folder;
};

inline bool has(const Outcome& outcome, const std::string& part) {
    return outcome.output.find(part) != std::string::npos;
}

}  // namespace dynavg::cli
