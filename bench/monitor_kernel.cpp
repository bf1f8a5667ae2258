// What does monitoring cost? Each pass over 26 million parameters as a ratio to one plain pass that
// only reads the two arrays. The passes take turns within one run, so that a busy machine slows all
// alike. Usage: monitor_kernel [repetitions]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "protocol/base/random.hpp"
#include "training/kernels/drift_kernel.hpp"
#include "training/kernels/sketch_kernel.hpp"

namespace {

using namespace dynavg;

constexpr std::size_t kParameters = 26'000'000;

using Float16 = float __attribute__((vector_size(64)));

/// Eight accumulators of 16 lanes: bound by memory, not by the additions.
#define DYNAVG_PLAIN_PASS                                                              \
    Float16 sums[8] = {};                                                              \
    for (std::size_t i = 0; i + 64 <= size; i += 64) {                                 \
        for (std::size_t k = 0; k < 4; ++k) {                                          \
            Float16 left;                                                              \
            Float16 right;                                                             \
            __builtin_memcpy(&left, a + i + 16 * k, sizeof left);                      \
            __builtin_memcpy(&right, b + i + 16 * k, sizeof right);                    \
            sums[k] += left;                                                           \
            sums[4 + k] += right;                                                      \
        }                                                                              \
    }                                                                                  \
    double total = 0;                                                                  \
    for (const Float16& sum : sums) {                                                  \
        for (int lane = 0; lane < 16; ++lane) total += static_cast<double>(sum[lane]); \
    }                                                                                  \
    return total

double plain_pass_baseline(const float* a, const float* b, std::size_t size) {
    DYNAVG_PLAIN_PASS;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] double plain_pass_avx2(const float* a, const float* b, std::size_t size) {
    DYNAVG_PLAIN_PASS;
}

[[gnu::target("avx512f")]] double plain_pass_avx512(const float* a, const float* b,
                                                    std::size_t size) {
    DYNAVG_PLAIN_PASS;
}
#endif

/// With the registers that the kernels have: the reading is as fast as it can be.
double plain_pass(const float* a, const float* b, std::size_t size) {
#if defined(__x86_64__)
    using training::InstructionSet;
    if (training::is_supported(InstructionSet::avx512)) return plain_pass_avx512(a, b, size);
    if (training::is_supported(InstructionSet::avx2)) return plain_pass_avx2(a, b, size);
#endif
    return plain_pass_baseline(a, b, size);
}

std::vector<float> random_values(std::uint64_t seed) {
    protocol::RandomStream stream(seed, protocol::RandomPurpose::test);
    std::vector<float> values(kParameters);
    for (float& value : values) value = stream.uniform_float() - 0.5F;
    return values;
}

struct Pass {
    std::string name;
    std::function<double()> run;
    std::vector<double> seconds{};
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double least(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
}

}  // namespace

int main(int argc, char** argv) {
    const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 31;
    const std::vector<float> w = random_values(1);
    const std::vector<float> reference = random_values(2);
    const std::vector<float> direction = random_values(3);
    const protocol::SketchShape shape;
    std::vector<float> sketch(std::size_t{shape.rows} * shape.columns);

    std::vector<Pass> passes{
        {"plain read of both", [&] { return plain_pass(w.data(), reference.data(), w.size()); }},
        {"norm", [&] { return training::drift_squared_norm(w, reference); }},
        {"norm + dot", [&] { return training::drift_norm_and_dot(w, reference, direction).along; }},
        {"norm + 5x256 sketch",
         [&] { return training::drift_norm_and_sketch(w, reference, shape, 1, sketch); }},
    };
    double sink = 0;
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        for (Pass& pass : passes) {
            const auto begin = std::chrono::steady_clock::now();
            sink += pass.run();
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
            pass.seconds.push_back(taken.count());
        }
    }
    fmt::print("{} parameters, one thread, {} repetitions (checksum {:.3f})\n", kParameters,
               repetitions, sink);
    fmt::print("{:<22} {:>10} {:>10} {:>14} {:>14}\n", "pass", "median ms", "least ms",
               "ratio, median", "ratio, least");
    const std::vector<double>& plain = passes.front().seconds;
    for (const Pass& pass : passes) {
        fmt::print("{:<22} {:>10.2f} {:>10.2f} {:>14.2f} {:>14.2f}\n", pass.name,
                   1e3 * median(pass.seconds), 1e3 * least(pass.seconds),
                   median(pass.seconds) / median(plain), least(pass.seconds) / least(plain));
    }
    return 0;
}
