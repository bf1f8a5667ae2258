#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"

struct gzFile_s;

namespace dynavg::training {

/// The remedy in a message about a bad file.
inline constexpr const char* kFetchAgain =
    "fetch the file again, or check that `path` names the right one";

/// A file that is read from its beginning, plain or gzipped whatever its name says. Each defect is
/// an Error that names the file, the defect and the remedy.
class PackedFile {
public:
    /// `kind` stands for the format in messages: "an IDX file".
    [[nodiscard]] static Expected<PackedFile, Error> open(const std::filesystem::path& path,
                                                          const std::string& kind);
    ~PackedFile();
    PackedFile(PackedFile&&) noexcept;

    /// Up to `size` bytes, fewer at the end of the file. Fails on damaged compression.
    [[nodiscard]] Expected<std::size_t, Error> read(std::uint8_t* out, std::size_t size);

    /// Up to `size` bytes. Memory grows with the bytes that are there, not with those announced.
    [[nodiscard]] Expected<std::vector<std::uint8_t>, Error> read_up_to(std::uint64_t size);

    [[nodiscard]] std::string name() const { return m_path.string(); }

private:
    struct Close {
        void operator()(gzFile_s* file) const;
    };
    PackedFile(std::filesystem::path path, gzFile_s* file);
    [[nodiscard]] Unexpected<Error> damaged() const;

    std::filesystem::path m_path;
    std::unique_ptr<gzFile_s, Close> m_file;
};

/// directory/stem as it is or with ".gz", whichever is there; the latter if both are.
[[nodiscard]] std::filesystem::path plain_or_packed(const std::filesystem::path& directory,
                                                    const std::string& stem);

}  // namespace dynavg::training
