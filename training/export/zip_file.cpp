#include "training/export/zip_file.hpp"

#include <limits>
#include <utility>

#include <zlib.h>

#include "protocol/base/check.hpp"

// The format: PKWARE's APPNOTE.TXT, sections 4.3.7 (header of an entry), 4.3.12 (directory) and
// 4.3.16 (its end). All numbers are little-endian.

namespace dynavg::training {

namespace {

constexpr std::uint16_t kVersionNeeded = 20;
/// 1 January 1980, 00:00: the format has no "none".
constexpr std::uint16_t kDate = (1U << 5U) | 1U;
/// The name of PyTorch's own padding. Readers pass over extra fields that they do not know.
constexpr std::uint16_t kPaddingField = 0x4246;
constexpr std::size_t kHeaderBytes = 30;
constexpr std::size_t kExtraHeaderBytes = 4;

class Record {
public:
    Record& u16(std::uint64_t value) { return number(value, 2); }
    Record& u32(std::uint64_t value) { return number(value, 4); }
    Record& text(const std::string& text) {
        m_bytes += text;
        return *this;
    }
    [[nodiscard]] std::string take() { return std::move(m_bytes); }

private:
    Record& number(std::uint64_t value, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i) {
            m_bytes += static_cast<char>(static_cast<unsigned char>(value >> (8U * i)));
        }
        return *this;
    }
    std::string m_bytes;
};

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

void ZipFile::append(std::span<const std::byte> bytes) {
    m_parts.push_back(bytes);
    m_size += bytes.size();
    DYNAVG_CHECK(m_size < std::numeric_limits<std::uint32_t>::max());
}

void ZipFile::append_own(std::string text) {
    m_own.push_back(std::move(text));
    append(std::as_bytes(std::span(m_own.back())));
}

void ZipFile::add(const std::string& name, std::span<const std::byte> bytes) {
    const std::size_t unpadded = m_size + kHeaderBytes + name.size() + kExtraHeaderBytes;
    const std::size_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
    const Entry entry{name, checksum_of(bytes), static_cast<std::uint32_t>(bytes.size()),
                      static_cast<std::uint32_t>(m_size)};
    Record header;
    header.u32(0x04034b50).u16(kVersionNeeded).u16(0).u16(0).u16(0).u16(kDate);
    header.u32(entry.checksum).u32(bytes.size()).u32(bytes.size());
    header.u16(name.size()).u16(kExtraHeaderBytes + padding).text(name);
    header.u16(kPaddingField).u16(padding).text(std::string(padding, '\0'));
    append_own(header.take());
    append(bytes);
    m_entries.push_back(entry);
}

void ZipFile::add(const std::string& name, std::string text) {
    m_own.push_back(std::move(text));
    add(name, std::as_bytes(std::span(m_own.back())));
}

const std::vector<std::span<const std::byte>>& ZipFile::finish() {
    const std::uint64_t begin = m_size;
    for (const Entry& entry : m_entries) {
        Record record;
        record.u32(0x02014b50).u16(kVersionNeeded).u16(kVersionNeeded).u16(0).u16(0).u16(0);
        record.u16(kDate).u32(entry.checksum).u32(entry.size).u32(entry.size);
        record.u16(entry.name.size()).u16(0).u16(0).u16(0).u16(0).u32(0).u32(entry.offset);
        append_own(record.text(entry.name).take());
    }
    Record end;
    end.u32(0x06054b50).u16(0).u16(0).u16(m_entries.size()).u16(m_entries.size());
    end.u32(m_size - begin).u32(begin).u16(0);
    append_own(end.take());
    return m_parts;
}

}  // namespace dynavg::training
