#include "protocol/wire/archive.hpp"

#include <exception>
#include <istream>
#include <ostream>
#include <streambuf>
#include <utility>

#include <cereal/archives/portable_binary.hpp>
#include <cereal/cereal.hpp>
#include <fmt/format.h>

namespace dynavg::protocol::wire {

namespace {

/// Cereal wants streams; these two spare the copies of std::stringstream.
class AppendBuffer final : public std::streambuf {
public:
    explicit AppendBuffer(std::vector<std::byte>& out) : m_out(out) {}

protected:
    std::streamsize xsputn(const char* data, std::streamsize size) override {
        const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
        m_out.insert(m_out.end(), bytes.begin(), bytes.end());
        return size;
    }
    int_type overflow(int_type symbol) override {
        if (!traits_type::eq_int_type(symbol, traits_type::eof())) {
            m_out.push_back(static_cast<std::byte>(traits_type::to_char_type(symbol)));
        }
        return traits_type::not_eof(symbol);
    }

private:
    std::vector<std::byte>& m_out;
};

class SpanBuffer final : public std::streambuf {
public:
    explicit SpanBuffer(std::span<const std::byte> bytes) {
        // The get area is never written to; std::streambuf just has no const one.
        char* first = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
        setg(first, first, first + bytes.size());
    }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

/// The archive's first byte: 1 says little-endian, the only order on our wire.
bool is_little_endian(std::span<const std::byte> bytes) {
    return !bytes.empty() && bytes.front() == std::byte{1};
}

}  // namespace

struct ArchiveWriter::Parts {
    explicit Parts(std::vector<std::byte>& out)
        : buffer(out),
          stream(&buffer),
          archive(stream, cereal::PortableBinaryOutputArchive::Options::LittleEndian()) {}
    AppendBuffer buffer;
    std::ostream stream;
    cereal::PortableBinaryOutputArchive archive;
};

ArchiveWriter::ArchiveWriter(std::vector<std::byte>& out) : m_parts(std::make_unique<Parts>(out)) {}

ArchiveWriter::~ArchiveWriter() = default;

template <class T>
void ArchiveWriter::put(T value) {
    m_parts->archive(value);
}

void ArchiveWriter::raw(std::span<const std::uint8_t> bytes) {
    if (!bytes.empty()) m_parts->archive(cereal::binary_data(bytes.data(), bytes.size_bytes()));
}

void ArchiveWriter::raw(std::span<const float> values) {
    if (!values.empty()) m_parts->archive(cereal::binary_data(values.data(), values.size_bytes()));
}

struct ArchiveReader::Parts {
    explicit Parts(std::span<const std::byte> bytes)
        : buffer(bytes),
          stream(&buffer),
          archive(stream, cereal::PortableBinaryInputArchive::Options::LittleEndian()) {}
    SpanBuffer buffer;
    std::istream stream;
    cereal::PortableBinaryInputArchive archive;
};

ArchiveReader::ArchiveReader(std::span<const std::byte> bytes) {
    if (!is_little_endian(bytes)) {
        refuse(bytes.empty() ? "the message is empty" : "the byte order is unknown");
        return;
    }
    try {
        m_parts = std::make_unique<Parts>(bytes);
    } catch (const std::exception& exception) {
        refuse(exception.what());
    }
}

ArchiveReader::~ArchiveReader() = default;

template <class T>
T ArchiveReader::get() {
    T value{};
    if (!require(sizeof value)) return value;
    try {
        m_parts->archive(value);
    } catch (const std::exception& exception) {
        refuse(exception.what());
    }
    return value;
}

void ArchiveReader::raw(std::span<std::uint8_t> bytes) {
    if (bytes.empty() || !require(bytes.size_bytes())) return;
    try {
        m_parts->archive(cereal::binary_data(bytes.data(), bytes.size_bytes()));
    } catch (const std::exception& exception) {
        refuse(exception.what());
    }
}

void ArchiveReader::raw(std::span<float> values) {
    if (values.empty() || !require(values.size_bytes())) return;
    try {
        m_parts->archive(cereal::binary_data(values.data(), values.size_bytes()));
    } catch (const std::exception& exception) {
        refuse(exception.what());
    }
}

std::size_t ArchiveReader::left() const {
    return m_parts == nullptr ? 0 : m_parts->buffer.left();
}

void ArchiveReader::refuse(std::string reason) {
    if (m_error.empty()) m_error = std::move(reason);
}

bool ArchiveReader::require(std::size_t bytes) {
    if (!ok()) return false;
    if (bytes <= left()) return true;
    refuse(fmt::format("cut short: {} bytes are left where {} are needed", left(), bytes));
    return false;
}

template void ArchiveWriter::put(std::uint8_t);
template void ArchiveWriter::put(std::uint16_t);
template void ArchiveWriter::put(std::uint32_t);
template void ArchiveWriter::put(std::uint64_t);
template void ArchiveWriter::put(std::int32_t);
template void ArchiveWriter::put(float);
template void ArchiveWriter::put(double);
template std::uint8_t ArchiveReader::get();
template std::uint16_t ArchiveReader::get();
template std::uint32_t ArchiveReader::get();
template std::uint64_t ArchiveReader::get();
template std::int32_t ArchiveReader::get();
template float ArchiveReader::get();
template double ArchiveReader::get();

}  // namespace dynavg::protocol::wire
