#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::storage {

using Bytes = std::vector<std::byte>;

/// A folder of files, each of which is replaced as a whole. A write that a call has reported as
/// done survives a loss of power at any later instant. Not thread-safe. Errors name the path and
/// the system's reason.
class Disk {
public:
    Disk() = default;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    virtual ~Disk() = default;

    /// Creates or replaces a file, its bytes given in parts. After a crash within the call the old
    /// file or the new one is there.
    virtual Expected<void, Error> write(const std::string& name,
                                        std::span<const std::span<const std::byte>> parts) = 0;
    /// Writes over a part of a file that is there, within its size, and so needs no room on a full
    /// disk. After a crash within the call these bytes may be anything; all others are unharmed.
    virtual Expected<void, Error> overwrite(const std::string& name, std::size_t offset,
                                            std::span<const std::byte> bytes) = 0;
    /// Replaces `to`, if it is there.
    virtual Expected<void, Error> rename(const std::string& from, const std::string& to) = 0;
    /// Removing what is not there is no error.
    virtual Expected<void, Error> remove(const std::string& name) = 0;
    /// Fails if the file is not there, or longer than `bytes_max`.
    [[nodiscard]] virtual Expected<Bytes, Error> read(const std::string& name,
                                                      std::size_t bytes_max) const = 0;
    /// Names of the files, sorted.
    [[nodiscard]] virtual std::vector<std::string> list() const = 0;
    /// The last write() failed because there is no room left.
    [[nodiscard]] virtual bool is_full() const { return false; }
    /// Room left for this process, in bytes; none if it is not known.
    [[nodiscard]] virtual std::optional<std::uint64_t> free_bytes() const { return std::nullopt; }
    /// For logs: "/var/lib/dynavg/reference-12"; the folder itself for an empty name.
    [[nodiscard]] virtual std::string path_of(const std::string& name) const = 0;
};

}  // namespace dynavg::storage
