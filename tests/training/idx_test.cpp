#include "training/data/idx.hpp"

#include <fstream>
#include <string>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

namespace fs = std::filesystem;

std::string word(std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<char>((value >> shift) & 0xFFU));
    }
    return bytes;
}

std::string pixels(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
    return bytes;
}

std::string images(std::uint32_t count, std::uint32_t height = 2, std::uint32_t width = 3) {
    return word(0x803) + word(count) + word(height) + word(width) +
           pixels(std::size_t{count} * height * width);
}

std::string labels(const std::string& values) {
    return word(0x801) + word(static_cast<std::uint32_t>(values.size())) + values;
}

std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

const std::string kLabels = labels(std::string("\x00\x09\x05", 3));

/// The pair as files, plain or packed.
class Pair {
public:
    Pair(const std::string& image_bytes, const std::string& label_bytes) {
        write_plain(images_path(), image_bytes);
        write_plain(labels_path(), label_bytes);
    }
    [[nodiscard]] fs::path images_path() const { return m_directory.path() / "images"; }
    [[nodiscard]] fs::path labels_path() const { return m_directory.path() / "labels"; }
    [[nodiscard]] auto read() const { return read_idx(images_path(), labels_path()); }
    /// The Error's message; it must name the file.
    [[nodiscard]] std::string refusal(const fs::path& names) const {
        const auto result = read();
        REQUIRE_FALSE(result.has_value());
        CHECK_THAT(result.error().message, contains_text(names.string()));
        return result.error().message;
    }

private:
    test::TemporaryFolder m_directory;
};

}  // namespace

TEST_CASE("a pair of IDX files is read, plain or packed", "[idx]") {
    test::TemporaryFolder directory;
    const fs::path at = directory.path();
    SECTION("plain") {
        write_plain(at / "train-images-idx3-ubyte", images(3));
        write_plain(at / "train-labels-idx1-ubyte", kLabels);
    }
    SECTION("packed") {
        write_packed(at / "train-images-idx3-ubyte.gz", images(3));
        write_packed(at / "train-labels-idx1-ubyte.gz", kLabels);
    }
    SECTION("one of each, and one that is packed though its name does not say so") {
        write_packed(at / "train-images-idx3-ubyte", images(3));
        write_plain(at / "train-labels-idx1-ubyte.gz", kLabels);
    }
    const auto dataset = read_idx_directory(at, DataPart::train);
    INFO((dataset ? std::string() : dataset.error().message));
    REQUIRE(dataset.has_value());
    CHECK((*dataset)->shape == ImageShape{1, 2, 3});
    CHECK((*dataset)->size() == 3);
    CHECK((*dataset)->labels == std::vector<std::uint8_t>{0, 9, 5});
    CHECK((*dataset)->image(2)[5] == 17);
    CHECK_THAT(read_idx_directory(at, DataPart::test).error().message,
               contains_text("t10k-images-idx3-ubyte") && contains_text("no such file"));
}

TEST_CASE("pixels become floats from 0 to 1", "[idx]") {
    const std::vector<std::uint8_t> bytes{0, 51, 255};
    std::vector<float> values(3);
    to_floats(bytes, values);
    CHECK(values == std::vector<float>{0.0F, 51.0F / 255.0F, 1.0F});
}

TEST_CASE("a directory or file that is not there is named", "[idx]") {
    test::TemporaryFolder directory;
    CHECK_THAT(read_idx_directory(directory.path() / "nowhere", DataPart::train).error().message,
               contains_text("nowhere") && contains_text("set `path`"));
    CHECK_THAT(read_idx(directory.path(), directory.path()).error().message,
               contains_text("is a directory"));
}

TEST_CASE("every defect of an IDX file is told", "[idx]") {
    SECTION("empty") {
        const Pair pair("", kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("ends after 0 of the 16 bytes"));
    }
    SECTION("header cut off") {
        const Pair pair(images(3).substr(0, 10), kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()),
                   contains_text("ends after 10 of the 16 bytes"));
    }
    SECTION("pixels cut off") {
        const Pair pair(images(3).substr(0, 30), kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()),
                   contains_text("ends after 14 of the 18 bytes"));
    }
    SECTION("labels cut off") {
        const Pair pair(images(3), kLabels.substr(0, 10));
        CHECK_THAT(pair.refusal(pair.labels_path()), contains_text("ends after 2 of the 3 bytes"));
    }
    SECTION("trailing bytes") {
        const Pair pair(images(3) + "x", kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("goes on after the 18 bytes"));
    }
    SECTION("trailing labels") {
        const Pair pair(images(3), kLabels + "x");
        CHECK_THAT(pair.refusal(pair.labels_path()), contains_text("goes on after the 3 bytes"));
    }
    SECTION("images and labels swapped") {
        const Pair pair(kLabels, images(3));
        CHECK_THAT(pair.refusal(pair.images_path()),
                   contains_text("0x00000801") && contains_text("0x00000803"));
    }
    SECTION("another file altogether") {
        const Pair pair(images(3), "label\n7\n2\n1\n0\n");
        CHECK_THAT(pair.refusal(pair.labels_path()), contains_text("begins with"));
    }
    SECTION("a label that is none") {
        const Pair pair(images(3), labels(std::string("\x00\x0a\x05", 3)));
        CHECK_THAT(pair.refusal(pair.labels_path()), contains_text("label 1 is 10"));
    }
    SECTION("counts that differ") {
        const Pair pair(images(4), kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()),
                   contains_text("4 images") && contains_text("3 labels"));
    }
    SECTION("no images") {
        const Pair pair(images(0), labels(""));
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("no images"));
    }
    SECTION("images without pixels") {
        const Pair pair(images(3, 0, 3), kLabels);
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("0 x 3"));
    }
}

TEST_CASE("a header that lies about its counts does not cost memory", "[idx]") {
    // 2^32 - 1 images of 1024 x 1024 would be 4 PiB.
    const Pair pair(word(0x803) + word(0xFFFFFFFF) + word(1024) + word(1024) + pixels(100),
                    kLabels);
    CHECK_THAT(pair.refusal(pair.images_path()), contains_text("ends after 100 of the"));
    const Pair sides(word(0x803) + word(1) + word(0xFFFFFFFF) + word(0xFFFFFFFF), kLabels);
    CHECK_THAT(sides.refusal(sides.images_path()), contains_text("sides from 1 to"));
}

TEST_CASE("damaged or cut compression is told", "[idx]") {
    Pair pair(images(3), kLabels);
    write_packed(pair.images_path(), images(2000));
    const std::string packed = contents(pair.images_path());
    SECTION("cut") {
        write_plain(pair.images_path(), packed.substr(0, packed.size() / 2));
        const std::string message = pair.refusal(pair.images_path());
        CHECK_THAT(message, contains_text("fetch the file again"));
    }
    SECTION("only the checksum cut") {
        write_plain(pair.images_path(), packed.substr(0, packed.size() - 4));
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("fetch the file again"));
    }
    SECTION("a wrong checksum") {
        std::string damaged = packed;
        damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);
        write_plain(pair.images_path(), damaged);
        CHECK_THAT(pair.refusal(pair.images_path()), contains_text("cannot be read or unpacked"));
    }
}

TEST_CASE("random damage never crashes the reader", "[idx]") {
    protocol::RandomStream stream(1, protocol::RandomPurpose::test);
    const std::string whole_file = images(3);
    for (int round = 0; round < 300; ++round) {
        std::string bytes = whole_file.substr(0, stream.below(whole_file.size() + 1));
        for (std::uint64_t k = stream.below(4); k > 0 && !bytes.empty(); --k) {
            bytes[stream.below(bytes.size())] = static_cast<char>(stream() & 0xFFU);
        }
        const Pair pair(bytes, kLabels);
        const auto result = pair.read();
        if (result) CHECK((*result)->images.size() == 18);
    }
}

}  // namespace dynavg::training::tests
