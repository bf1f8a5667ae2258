#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"

/// How every file of a state folder begins: 64 bytes, little-endian, the same in every version (so
/// that a later version's file is told from a damaged one).
///
///     0  magic         8  "dynavg" 0x00 0x1a
///     8  version       4  kFormatVersion
///    12  kind          4  FileKind
///    16  network      16  by what networks are compared, as a digest
///    32  sequence      8  larger is newer, where a kind needs it; else 0
///    40  payload size  8
///    48  digest       16  XXH3-128 of the 48 bytes before and of the payload
///    64  payload
namespace dynavg::storage {

enum class FileKind : std::uint32_t {
    network = 1,
    promise = 2,
    reference = 3,  ///< Also a prepared value.
    history = 4,
    local = 5,
    peers = 6,
};

inline constexpr std::uint32_t kFormatVersion = 2;
inline constexpr std::size_t kFileHeaderBytes = 64;

using Parts = std::vector<std::span<const std::byte>>;

/// Header of a file with this payload. Cost: one pass over the payload (about 10 GB/s).
[[nodiscard]] std::array<std::byte, kFileHeaderBytes> make_file_header(FileKind kind,
                                                                       protocol::Digest network,
                                                                       std::uint64_t sequence,
                                                                       const Parts& payload);

/// Why a file cannot be used.
struct Refusal {
    enum class Why : std::uint8_t {
        damaged,  ///< Torn, or changed since it was written.
        foreign,  ///< Sound, but of another network.
        newer,    ///< Sound, but of a format version that this build does not know.
    };
    Why why = Why::damaged;
    std::string reason;
};

struct OpenedFile {
    std::uint64_t sequence = 0;
    std::span<const std::byte> payload;  ///< Into the bytes given.
};

/// Bytes that may follow the payload: none, or any (a slot of a larger file).
enum class Trailing : std::uint8_t { none, any };

/// Checks everything above, over whatever bytes.
[[nodiscard]] Expected<OpenedFile, Refusal> open_file(std::span<const std::byte> bytes,
                                                      FileKind kind, protocol::Digest network,
                                                      Trailing trailing = Trailing::none);

}  // namespace dynavg::storage
