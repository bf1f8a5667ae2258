#include "training/data/idx.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <zlib.h>

namespace dynavg::training {

namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // Unsigned bytes, three dimensions.
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // Unsigned bytes, one dimension.
constexpr std::size_t kClasses = 10;
constexpr std::size_t kSideMax = 1024;
constexpr std::size_t kReadBytes = 1U << 20;
constexpr const char* kFetchAgain =
    "fetch the file again, or check that `path` names the right one";

struct CloseFile {
    void operator()(gzFile_s* file) const { gzclose_r(file); }
};

/// One IDX file while it is read. gzopen reads plain files too.
class IdxFile {
public:
    [[nodiscard]] static Expected<IdxFile, Error> open(const std::filesystem::path& path) {
        std::error_code ignored;
        if (!std::filesystem::exists(path, ignored)) {
            return fail(fmt::format("{}: there is no such file; set `path` to where the data lies",
                                    path.string()));
        }
        if (std::filesystem::is_directory(path, ignored)) {
            return fail(fmt::format("{}: is a directory, an IDX file was expected", path.string()));
        }
        gzFile_s* file = gzopen(path.c_str(), "rb");
        if (file == nullptr) {
            return fail(fmt::format("{}: cannot be opened; check that this user may read it",
                                    path.string()));
        }
        gzbuffer(file, 1U << 17);
        return IdxFile(path, file);
    }

    /// Up to `size` bytes, fewer at the end of the file. Fails on damaged compression.
    [[nodiscard]] Expected<std::size_t, Error> read(std::uint8_t* out, std::size_t size) {
        std::size_t done = 0;
        while (done < size) {
            const auto wanted = static_cast<unsigned>(std::min(size - done, kReadBytes));
            const int got = gzread(m_file.get(), out + done, wanted);
            if (got < 0) return damaged();
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        int code = Z_OK;
        gzerror(m_file.get(), &code);
        if (code != Z_OK && code != Z_STREAM_END) return damaged();
        return done;
    }

    /// The magic number and `dimensions` sizes.
    [[nodiscard]] Expected<std::array<std::uint32_t, 4>, Error> header(std::uint32_t magic,
                                                                       std::size_t dimensions) {
        std::array<std::uint8_t, 16> bytes{};
        const std::size_t size = 4 * (1 + dimensions);
        const auto got = read(bytes.data(), size);
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

    /// The rest of the file, which must be `size` bytes. Grows as the bytes come.
    [[nodiscard]] Expected<std::vector<std::uint8_t>, Error> body(std::uint64_t size) {
        std::vector<std::uint8_t> bytes;
        while (bytes.size() < size) {
            const std::size_t before = bytes.size();
            const auto wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(size - before, kReadBytes));
            bytes.resize(before + wanted);
            const auto got = read(bytes.data() + before, wanted);
            if (!got) return Unexpected<Error>(got.error());
            if (*got < wanted) return truncated(size, before + *got, "the counts in its header");
        }
        std::uint8_t extra = 0;
        const auto got = read(&extra, 1);
        if (!got) return Unexpected<Error>(got.error());
        if (*got != 0) {
            return fail(fmt::format("{}: goes on after the {} bytes that its header announces; {}",
                                    name(), size, kFetchAgain));
        }
        return bytes;
    }

    [[nodiscard]] std::string name() const { return m_path.string(); }

private:
    IdxFile(std::filesystem::path path, gzFile_s* file) : m_path(std::move(path)), m_file(file) {}

    [[nodiscard]] Unexpected<Error> truncated(std::uint64_t wanted, std::uint64_t got,
                                              const char* by) const {
        return fail(fmt::format("{}: ends after {} of the {} bytes that {} asks for; {}", name(),
                                got, wanted, by, kFetchAgain));
    }

    [[nodiscard]] Unexpected<Error> damaged() const {
        int code = Z_OK;
        const char* text = gzerror(m_file.get(), &code);
        return fail(
            fmt::format("{}: cannot be read or unpacked ({}); {}", name(), text, kFetchAgain));
    }

    std::filesystem::path m_path;
    std::unique_ptr<gzFile_s, CloseFile> m_file;
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

/// `stem` as it is or with ".gz", whichever is there.
std::filesystem::path plain_or_packed(const std::filesystem::path& directory,
                                      const std::string& stem) {
    std::error_code ignored;
    const std::filesystem::path packed = directory / (stem + ".gz");
    if (std::filesystem::exists(packed, ignored)) return packed;
    return directory / stem;
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

}  // namespace dynavg::training
