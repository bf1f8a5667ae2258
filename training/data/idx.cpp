#include "training/data/idx.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "training/data/packed_file.hpp"
#include "training/data/source.hpp"

namespace dynavg::training {

namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // Unsigned bytes, three dimensions.
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // Unsigned bytes, one dimension.
constexpr std::size_t kClasses = 10;
constexpr std::size_t kSideMax = 1024;

/// One IDX file while it is read.
class IdxFile {
public:
    [[nodiscard]] static Expected<IdxFile, Error> open(const std::filesystem::path& path) {
        auto file = PackedFile::open(path, "an IDX file");
        if (!file) return Unexpected<Error>(file.error());
        return IdxFile(std::move(*file));
    }

    /// The magic number and `dimensions` sizes.
    [[nodiscard]] Expected<std::array<std::uint32_t, 4>, Error> header(std::uint32_t magic,
                                                                       std::size_t dimensions) {
        std::array<std::uint8_t, 16> bytes{};
        const std::size_t size = 4 * (1 + dimensions);
        const auto got = m_file.read(bytes.data(), size);
        if (!got) return Unexpected<Error>(got.error());
        std::array<std::uint32_t, 4> words{};
        for (std::size_t i = 0; i < size; ++i) {
            words[i / 4] = (words[i / 4] << 8) | std::uint32_t{bytes[i]};
        }
        if (*got >= 4 && words[0] != magic) {
            return fail(fmt::format(
                "{}: begins with {:#010x}, an IDX file of {} begins with {:#010x}; {}", name(),
                words[0], dimensions == 3 ? "images" : "labels", magic, kFetchAgain));
        }
        if (*got < size) return truncated(size, *got, "its header");
        return words;
    }

    /// The rest of the file, which must be `size` bytes.
    [[nodiscard]] Expected<std::vector<std::uint8_t>, Error> body(std::uint64_t size) {
        auto bytes = m_file.read_up_to(size);
        if (!bytes) return bytes;
        if (bytes->size() < size) {
            return truncated(size, bytes->size(), "the counts in its header");
        }
        std::uint8_t extra = 0;
        const auto got = m_file.read(&extra, 1);
        if (!got) return Unexpected<Error>(got.error());
        if (*got != 0) {
            return fail(fmt::format("{}: goes on after the {} bytes that its header announces; {}",
                                    name(), size, kFetchAgain));
        }
        return bytes;
    }

    [[nodiscard]] std::string name() const { return m_file.name(); }

private:
    explicit IdxFile(PackedFile file) : m_file(std::move(file)) {}

    [[nodiscard]] Unexpected<Error> truncated(std::uint64_t wanted, std::uint64_t got,
                                              const char* by) const {
        return fail(fmt::format("{}: ends after {} of the {} bytes that {} asks for; {}", name(),
                                got, wanted, by, kFetchAgain));
    }

    PackedFile m_file;
};

[[nodiscard]] Expected<void, Error> read_images(const std::filesystem::path& path, Dataset& into) {
    auto file = IdxFile::open(path);
    if (!file) return Unexpected<Error>(file.error());
    const auto header = file->header(kImagesMagic, 3);
    if (!header) return Unexpected<Error>(header.error());
    const auto [magic, count, height, width] = *header;
    if (count == 0) {
        return fail(fmt::format("{}: holds no images; {}", file->name(), kFetchAgain));
    }
    if (height == 0 || width == 0 || height > kSideMax || width > kSideMax) {
        return fail(fmt::format("{}: says that its images are {} x {}; sides from 1 to {} are read",
                                file->name(), height, width, kSideMax));
    }
    auto bytes = file->body(std::uint64_t{count} * height * width);
    if (!bytes) return Unexpected<Error>(bytes.error());
    into.shape = {1, height, width};
    into.images = std::move(*bytes);
    return {};
}

[[nodiscard]] Expected<void, Error> read_labels(const std::filesystem::path& path, Dataset& into) {
    auto file = IdxFile::open(path);
    if (!file) return Unexpected<Error>(file.error());
    const auto header = file->header(kLabelsMagic, 1);
    if (!header) return Unexpected<Error>(header.error());
    auto bytes = file->body((*header)[1]);
    if (!bytes) return Unexpected<Error>(bytes.error());
    const auto wrong = std::find_if(bytes->begin(), bytes->end(),
                                    [](std::uint8_t label) { return label >= kClasses; });
    if (wrong != bytes->end()) {
        return fail(fmt::format("{}: label {} is {}, labels are 0 to {}; {}", file->name(),
                                wrong - bytes->begin(), *wrong, kClasses - 1, kFetchAgain));
    }
    into.labels = std::move(*bytes);
    return {};
}

}  // namespace

Expected<std::shared_ptr<const Dataset>, Error> read_idx(const std::filesystem::path& images,
                                                         const std::filesystem::path& labels) {
    auto dataset = std::make_shared<Dataset>();
    dataset->name = images.string();
    dataset->classes = kClasses;
    if (auto done = read_images(images, *dataset); !done) return Unexpected<Error>(done.error());
    if (auto done = read_labels(labels, *dataset); !done) return Unexpected<Error>(done.error());
    const std::size_t count = dataset->images.size() / dataset->shape.pixels();
    if (count != dataset->labels.size()) {
        return fail(
            fmt::format("{} holds {} images but {} holds {} labels; the two belong to "
                        "different sets, fetch both again",
                        images.string(), count, labels.string(), dataset->labels.size()));
    }
    return dataset;
}

Expected<std::shared_ptr<const Dataset>, Error> read_idx_directory(
    const std::filesystem::path& directory, DataPart part) {
    const std::string prefix = part == DataPart::train ? "train" : "t10k";
    const auto images = plain_or_packed(directory, prefix + "-images-idx3-ubyte");
    std::error_code ignored;
    if (!std::filesystem::is_directory(directory, ignored)) {
        return fail(
            fmt::format("{}: is not a directory; set `path` to the directory that holds "
                        "{}[.gz] and its companions",
                        directory.string(), images.filename().string()));
    }
    return read_idx(images, plain_or_packed(directory, prefix + "-labels-idx1-ubyte"));
}

extern constinit const Source kIdxSource{.name = "idx",
                                         .keys = {.path = true},
                                         .shape = {1, 28, 28},
                                         .load = [](const SourceRequest& request) {
                                             return read_idx_directory(request.path, request.part);
                                         }};

}  // namespace dynavg::training
