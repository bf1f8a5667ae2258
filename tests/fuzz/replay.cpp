#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/target.hpp"

// Feeds a target every file of the folders named: the fuzzer's finds, without the fuzzer.

namespace {

namespace fs = std::filesystem;

/// An input is also fed in its first eighth, quarter, ...: a message that was cut short.
constexpr std::size_t kCuts = 8;

std::vector<std::uint8_t> read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<fs::path> files;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
    }
    if (files.empty()) {
        std::fprintf(stderr, "usage: %s FOLDER...; none of its folders holds a file\n", argv[0]);
        return 1;
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        // The last line before an abort names the culprit.
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        const std::vector<std::uint8_t> input = read(file);
        for (std::size_t cut = 1; cut < kCuts; ++cut) {
            dynavg::fuzz::run(std::span(input).first(input.size() * cut / kCuts));
        }
        dynavg::fuzz::run(input);
    }
    std::printf("%zu inputs\n", files.size());
    return 0;
}
