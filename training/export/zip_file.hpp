#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace dynavg::training {

/// A ZIP archive of stored (not compressed) entries, as PyTorch's and NumPy's files are. Equal
/// entries make equal bytes: no time is written. Large contents are borrowed, not copied. Not for
/// archives of 4 GiB and more, which no model of limits::kModelValuesMax makes.
class ZipFile {
public:
    ZipFile() = default;
    ZipFile(ZipFile&&) = default;
    ZipFile& operator=(ZipFile&&) = default;
    /// Its parts point into it.
    ZipFile(const ZipFile&) = delete;
    ZipFile& operator=(const ZipFile&) = delete;
    ~ZipFile() = default;

    /// `bytes` are borrowed until parts() has been used. Cost: one pass for the checksum.
    void add(const std::string& name, std::span<const std::byte> bytes);
    void add(const std::string& name, std::string text);
    /// The last call: writes the directory. Returns the bytes of the file, one part after the
    /// other; they live as long as this object.
    [[nodiscard]] const std::vector<std::span<const std::byte>>& finish();

    /// The bytes of an entry begin at a multiple of it, so that a reader may map them.
    static constexpr std::size_t kAlignment = 64;

private:
    struct Entry {
        std::string name;
        std::uint32_t checksum = 0;
        std::uint32_t size = 0;
        std::uint32_t offset = 0;  ///< Of its header.
    };
    void append(std::span<const std::byte> bytes);
    void append_own(std::string text);

    std::vector<Entry> m_entries;
    std::deque<std::string> m_own;  ///< Texts that parts point to; a deque moves none of them.
    std::vector<std::span<const std::byte>> m_parts;
    std::uint64_t m_size = 0;
};

}  // namespace dynavg::training
