#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dynavg::protocol::wire {

/// Appends numbers and raw bytes to a vector in the format of Cereal's portable binary archive,
/// little-endian. Internal to the codec; the archive itself stays in archive.cpp.
class ArchiveWriter {
public:
    explicit ArchiveWriter(std::vector<std::byte>& out);
    ~ArchiveWriter();
    ArchiveWriter(const ArchiveWriter&) = delete;
    ArchiveWriter& operator=(const ArchiveWriter&) = delete;

    /// T: an integer of 8 to 64 bits, float or double.
    template <class T>
    void put(T value);
    void raw(std::span<const std::uint8_t> bytes);
    void raw(std::span<const float> values);

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

/// The reverse, over bytes from anyone. The first thing that is wrong is kept as the error; from
/// then on every read gives zeros. Nothing is thrown.
class ArchiveReader {
public:
    explicit ArchiveReader(std::span<const std::byte> bytes);
    ~ArchiveReader();
    ArchiveReader(const ArchiveReader&) = delete;
    ArchiveReader& operator=(const ArchiveReader&) = delete;

    template <class T>
    [[nodiscard]] T get();
    void raw(std::span<std::uint8_t> bytes);
    void raw(std::span<float> values);
    [[nodiscard]] std::size_t left() const;

    void refuse(std::string reason);
    [[nodiscard]] bool ok() const { return m_error.empty(); }
    [[nodiscard]] const std::string& error() const { return m_error; }

private:
    /// True if so many bytes can be read; else the message is refused as truncated.
    bool require(std::size_t bytes);

    struct Parts;
    std::unique_ptr<Parts> m_parts;
    std::string m_error;
};

}  // namespace dynavg::protocol::wire
