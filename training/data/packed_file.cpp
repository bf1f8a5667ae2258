#include "training/data/packed_file.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <zlib.h>

namespace dynavg::training {

namespace {
constexpr std::size_t kReadBytes = 1U << 20;
}

void PackedFile::Close::operator()(gzFile_s* file) const {
    gzclose_r(file);
}

PackedFile::PackedFile(std::filesystem::path path, gzFile_s* file)
    : m_path(std::move(path)), m_file(file) {}

PackedFile::~PackedFile() = default;
PackedFile::PackedFile(PackedFile&&) noexcept = default;

Expected<PackedFile, Error> PackedFile::open(const std::filesystem::path& path,
                                             const std::string& kind) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return fail(fmt::format("{}: there is no such file; set `path` to where the data lies",
                                path.string()));
    }
    if (std::filesystem::is_directory(path, ignored)) {
        return fail(fmt::format("{}: is a directory, {} was expected", path.string(), kind));
    }
    // gzopen reads plain files too.
    gzFile_s* file = gzopen(path.c_str(), "rb");
    if (file == nullptr) {
        return fail(
            fmt::format("{}: cannot be opened; check that this user may read it", path.string()));
    }
    gzbuffer(file, 1U << 17);
    return PackedFile(path, file);
}

Expected<std::size_t, Error> PackedFile::read(std::uint8_t* out, std::size_t size) {
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

Expected<std::vector<std::uint8_t>, Error> PackedFile::read_up_to(std::uint64_t size) {
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < size) {
        const std::size_t before = bytes.size();
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(size - before, kReadBytes));
        bytes.resize(before + wanted);
        const auto got = read(bytes.data() + before, wanted);
        if (!got) return Unexpected<Error>(got.error());
        bytes.resize(before + *got);
        if (*got < wanted) break;
    }
    return bytes;
}

Unexpected<Error> PackedFile::damaged() const {
    int code = Z_OK;
    const char* text = gzerror(m_file.get(), &code);
    return fail(fmt::format("{}: cannot be read or unpacked ({}); {}", name(), text, kFetchAgain));
}

std::filesystem::path plain_or_packed(const std::filesystem::path& directory,
                                      const std::string& stem) {
    std::error_code ignored;
    const std::filesystem::path packed = directory / (stem + ".gz");
    if (std::filesystem::exists(packed, ignored)) return packed;
    return directory / stem;
}

}  // namespace dynavg::training
