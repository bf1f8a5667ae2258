#include "storage/file_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "protocol/base/digest.hpp"

namespace dynavg::storage {

namespace {

constexpr std::string_view kMagic{"dynavg\0\x1a", 8};
constexpr std::size_t kDigestAt = 48;

using Header = std::array<std::byte, kFileHeaderBytes>;

template <class T>
void put(Header& header, std::size_t at, T value) {
    std::memcpy(header.data() + at, &value, sizeof value);
}

template <class T>
T get(std::span<const std::byte> bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

protocol::Digest digest_of(std::span<const std::byte> header, const Parts& payload) {
    protocol::Digester digester;
    digester.add(header.first(kDigestAt));
    for (const auto& part : payload) digester.add(part);
    return digester.finish();
}

Unexpected<Refusal> refuse(Refusal::Why why, std::string reason) {
    return Unexpected<Refusal>({why, std::move(reason)});
}

}  // namespace

Header make_file_header(FileKind kind, protocol::Digest network, std::uint64_t sequence,
                        const Parts& payload) {
    std::uint64_t size = 0;
    for (const auto& part : payload) size += part.size();
    Header header{};
    std::memcpy(header.data(), kMagic.data(), kMagic.size());
    put(header, 8, kFormatVersion);
    put(header, 12, static_cast<std::uint32_t>(kind));
    put(header, 16, network.high);
    put(header, 24, network.low);
    put(header, 32, sequence);
    put(header, 40, size);
    const protocol::Digest digest = digest_of(header, payload);
    put(header, kDigestAt, digest.high);
    put(header, kDigestAt + 8, digest.low);
    return header;
}

Expected<OpenedFile, Refusal> open_file(std::span<const std::byte> bytes, FileKind kind,
                                        protocol::Digest network, Trailing trailing) {
    using Why = Refusal::Why;
    if (bytes.size() < kFileHeaderBytes) {
        return refuse(Why::damaged, fmt::format("its {} bytes hold no header", bytes.size()));
    }
    if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
        return refuse(Why::damaged, "it does not begin as a file of dynavg");
    }
    const auto size = get<std::uint64_t>(bytes, 40);
    const std::span<const std::byte> rest = bytes.subspan(kFileHeaderBytes);
    const bool fits = trailing == Trailing::any ? size <= rest.size() : size == rest.size();
    const protocol::Digest written{get<std::uint64_t>(bytes, kDigestAt),
                                   get<std::uint64_t>(bytes, kDigestAt + 8)};
    if (!fits) {
        return refuse(Why::damaged,
                      fmt::format("{} bytes follow its header, which says {}", rest.size(), size));
    }
    if (digest_of(bytes, {rest.first(size)}) != written) {
        return refuse(Why::damaged, "its digest is wrong");
    }
    const auto version = get<std::uint32_t>(bytes, 8);
    if (version != kFormatVersion) {
        return refuse(Why::newer, fmt::format("it is of format version {}, this build reads {}",
                                              version, kFormatVersion));
    }
    if (get<std::uint32_t>(bytes, 12) != static_cast<std::uint32_t>(kind)) {
        return refuse(Why::damaged, "it is a file of another kind");
    }
    if (get<std::uint64_t>(bytes, 16) != network.high ||
        get<std::uint64_t>(bytes, 24) != network.low) {
        return refuse(Why::foreign, "it was written by a node of another network or model");
    }
    return OpenedFile{get<std::uint64_t>(bytes, 32), rest.first(size)};
}

}  // namespace dynavg::storage
