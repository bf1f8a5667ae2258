#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/digest.hpp"
#include "tests/catch.hpp"
#include "training/trainer.hpp"

namespace dynavg::training::tests {

/// Matches a message that has `part` in it; Catch2 2 and 3 name it differently.
[[nodiscard]] inline auto contains_text(const std::string& part) {
#if CATCH_VERSION_MAJOR >= 3
    return Catch::Matchers::ContainsSubstring(part);
#else
    return Catch::Matchers::Contains(part);
#endif
}

/// Uniform in [-scale, scale).
[[nodiscard]] std::vector<float> random_values(std::size_t size, std::uint64_t seed,
                                               float scale = 1);

/// Equal bits, so that 0 differs from -0.
[[nodiscard]] bool same_bits(std::span<const float> a, std::span<const float> b);

[[nodiscard]] protocol::Digest digest_of(std::span<const float> values);
[[nodiscard]] protocol::Digest digest_of(std::span<const std::uint8_t> bytes);

/// 500 synthetic digits, drawn once.
[[nodiscard]] std::shared_ptr<const Dataset> small_dataset();

/// For `model` on all of small_dataset().
[[nodiscard]] TrainerOptions options_for(ModelSpec model);

/// The trainer; fails the test if there is none.
[[nodiscard]] std::unique_ptr<Trainer> trainer_of(const TrainerOptions& options);

/// The initial reference of that trainer, installed.
protocol::ReferencePointer install_initial(Trainer& trainer, const ModelSpec& model);

void run_steps(Trainer& trainer, int steps);

void write_plain(const std::filesystem::path& path, const std::string& bytes);
/// Gzipped.
void write_packed(const std::filesystem::path& path, const std::string& bytes);

}  // namespace dynavg::training::tests
