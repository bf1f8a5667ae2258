#include "training/data/cifar10.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/training/support.hpp"
#include "training/evaluator.hpp"

namespace dynavg::training::tests {

namespace {

namespace fs = std::filesystem;

/// A picture whose red plane is `red`, and so on.
std::string record(std::uint8_t label, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    std::string bytes(1, static_cast<char>(label));
    for (const std::uint8_t plane : {red, green, blue})
        bytes.append(1024, static_cast<char>(plane));
    return bytes;
}

std::string records(std::size_t count, std::uint8_t label) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes += record(label, 1, 2, 3);
    return bytes;
}

std::shared_ptr<const Dataset> read(const fs::path& directory, DataPart part) {
    const auto dataset = read_cifar10_directory(directory, part);
    INFO((dataset ? std::string() : dataset.error().message));
    REQUIRE(dataset.has_value());
    return *dataset;
}

/// Of a directory whose one training batch is `bytes`; it must name the file.
std::string refusal(const std::string& bytes) {
    test::TemporaryFolder directory;
    const fs::path path = directory.path() / "data_batch_1.bin";
    write_plain(path, bytes);
    const auto dataset = read_cifar10_directory(directory.path(), DataPart::train);
    REQUIRE_FALSE(dataset.has_value());
    CHECK_THAT(dataset.error().message, contains_text(path.string()));
    return dataset.error().message;
}

}  // namespace

TEST_CASE("CIFAR-10 is read, plane by plane, plain or gzipped", "[cifar10]") {
    test::TemporaryFolder directory;
    const std::string bytes = record(0, 10, 20, 30) + record(9, 40, 50, 60);
    write_plain(directory.path() / "data_batch_1.bin", bytes);
    write_packed(directory.path() / "test_batch.bin.gz", bytes);
    for (const DataPart part : {DataPart::train, DataPart::test}) {
        const auto dataset = read(directory.path(), part);
        CHECK(dataset->shape == ImageShape{3, 32, 32});
        CHECK(dataset->classes == 10);
        CHECK(dataset->labels == std::vector<std::uint8_t>{0, 9});
        const auto image = dataset->image(1);
        CHECK(image[0] == 40);
        CHECK(image[1023] == 40);
        CHECK(image[1024] == 50);
        CHECK(image[3071] == 60);
    }
}

TEST_CASE("all training batches that are there count, once, by their numbers", "[cifar10]") {
    test::TemporaryFolder directory;
    write_plain(directory.path() / "data_batch_10.bin", records(2, 7));
    write_packed(directory.path() / "data_batch_2.bin.gz", records(300, 5));
    write_plain(directory.path() / "data_batch_2.bin", records(300, 5));
    write_plain(directory.path() / "test_batch.bin", records(1, 1));
    write_plain(directory.path() / "data_batch_3.txt", "not one of them");
    const auto dataset = read(directory.path(), DataPart::train);
    REQUIRE(dataset->size() == 302);
    CHECK(dataset->images.size() == 302 * 3072);
    CHECK(std::count(dataset->labels.begin(), dataset->labels.end(), 5) == 300);
    CHECK(dataset->labels.back() == 7);
}

TEST_CASE("every defect of a CIFAR-10 directory is told", "[cifar10]") {
    CHECK_THAT(refusal(""), contains_text("holds no images"));
    CHECK_THAT(refusal(records(1, 3).substr(0, 3000)),
               contains_text("ends after 3000 of the 3073 bytes of image 0"));
    CHECK_THAT(refusal(records(300, 3) + "xy"),
               contains_text("ends after 2 of the 3073 bytes of image 300"));
    CHECK_THAT(refusal(records(299, 3) + record(10, 0, 0, 0)),
               contains_text("label 299 is 10, labels are 0 to 9"));

    test::TemporaryFolder directory;
    const auto message = [&](const fs::path& at, DataPart part) {
        return read_cifar10_directory(at, part).error().message;
    };
    CHECK_THAT(message(directory.path() / "nowhere", DataPart::train),
               contains_text("nowhere") && contains_text("set `path`"));
    CHECK_THAT(message(directory.path(), DataPart::train), contains_text("data_batch_"));
    CHECK_THAT(message(directory.path(), DataPart::test),
               contains_text("test_batch.bin") && contains_text("no such file"));
    fs::create_directory(directory.path() / "data_batch_1.bin");
    CHECK_THAT(message(directory.path(), DataPart::train), contains_text("is a directory"));
}

TEST_CASE("random bytes and cut compression never crash the CIFAR-10 reader", "[cifar10]") {
    protocol::RandomStream stream(1, protocol::RandomPurpose::test);
    test::TemporaryFolder directory;
    const fs::path path = directory.path() / "data_batch_1.bin.gz";
    write_packed(path, records(3, 2));
    std::string packed(fs::file_size(path), '\0');
    std::ifstream(path, std::ios::binary)
        .read(packed.data(), static_cast<std::streamsize>(packed.size()));
    for (int round = 0; round < 200; ++round) {
        std::string bytes = packed.substr(0, stream.below(packed.size() + 1));
        for (std::uint64_t k = stream.below(3); k > 0 && !bytes.empty(); --k) {
            bytes[stream.below(bytes.size())] = static_cast<char>(stream() & 0xFFU);
        }
        write_plain(path, bytes);
        const auto dataset = read_cifar10_directory(directory.path(), DataPart::train);
        if (dataset) CHECK((*dataset)->images.size() == (*dataset)->size() * 3072);
    }
    write_plain(path, packed.substr(0, packed.size() - 4));
    CHECK_THAT(read_cifar10_directory(directory.path(), DataPart::train).error().message,
               contains_text("fetch the file again"));
}

TEST_CASE("LeNet-5 learns CIFAR-10", "[cifar10]") {
    const char* directory = std::getenv("DYNAVG_CIFAR10_DIR");
    if (directory == nullptr) {
        WARN("skipped: set DYNAVG_CIFAR10_DIR to a directory that holds its binary version");
        return;
    }
    const auto train = read(directory, DataPart::train);
    const auto test = read(directory, DataPart::test);
    for (const auto& part : {train, test}) {
        std::array<std::size_t, 10> counts{};
        for (const std::uint8_t label : part->labels) ++counts[label];
        // Classes of about equal size.
        for (const std::size_t count : counts) {
            CHECK(count * 10 > part->size() * 8 / 10);
            CHECK(count * 10 < part->size() * 12 / 10);
        }
    }
    TrainerOptions options = options_for({.input = kCifar10Shape});
    options.dataset = train;
    options.shard = whole(train->size());
    const auto trainer = trainer_of(options);
    run_steps(*trainer, 1500);
    auto evaluator = make_evaluator(options.model, test, 0);
    REQUIRE(evaluator.has_value());
    CHECK(evaluator->evaluate(trainer->values()).accuracy > 0.4);
}

}  // namespace dynavg::training::tests
