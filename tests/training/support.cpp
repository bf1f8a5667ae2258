#include "tests/training/support.hpp"

#include <cstring>
#include <fstream>
#include <string>

#include <zlib.h>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "training/data/synthetic_digits.hpp"
#include "training/process.hpp"

namespace dynavg::training::tests {

namespace {
/// The tests compare bits: one thread per operation, before any test runs.
[[maybe_unused]] const int kConfigured = (configure_process(1), 0);
}  // namespace

std::vector<float> random_values(std::size_t size, std::uint64_t seed, float scale) {
    protocol::RandomStream stream(seed, protocol::RandomPurpose::test);
    std::vector<float> values(size);
    for (float& value : values) value = (2 * stream.uniform_float() - 1) * scale;
    return values;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

protocol::Digest digest_of(std::span<const float> values) {
    return protocol::Digester().add(values).finish();
}

protocol::Digest digest_of(std::span<const std::uint8_t> bytes) {
    return protocol::Digester().add(std::as_bytes(bytes)).finish();
}

std::shared_ptr<const Dataset> small_dataset() {
    static const std::shared_ptr<const Dataset> dataset = synthetic_digits(1, DataPart::train, 500);
    return dataset;
}

TrainerOptions options_for(ModelSpec model) {
    TrainerOptions options;
    options.model = std::move(model);
    options.dataset = small_dataset();
    options.shard = whole(options.dataset->size());
    return options;
}

std::unique_ptr<Trainer> trainer_of(const TrainerOptions& options) {
    auto made = make_trainer(options);
    INFO((made ? std::string() : made.error().message));
    REQUIRE(made.has_value());
    return std::move(*made);
}

protocol::ReferencePointer install_initial(Trainer& trainer, const ModelSpec& model) {
    const std::vector<float> values = initial_values(model);
    auto reference = protocol::make_initial_reference(trainer.shape(), values, 1.0, model.seed);
    trainer.install(reference, values);
    return reference;
}

void run_steps(Trainer& trainer, int steps) {
    for (int step = 0; step < steps; ++step) {
        trainer.compute_gradient();
        trainer.apply_update();
    }
}

void write_plain(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

void write_packed(const std::filesystem::path& path, const std::string& bytes) {
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
            static_cast<int>(bytes.size()));
    REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace dynavg::training::tests
