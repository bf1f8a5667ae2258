#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "protocol/base/check.hpp"

namespace dynavg::fuzz {

/// Bytes as a file with a path, without a disk.
class MemoryFile {
public:
    explicit MemoryFile(std::span<const std::uint8_t> bytes)
        : m_file(memfd_create("input", MFD_CLOEXEC)) {
        DYNAVG_CHECK(m_file >= 0);
        while (!bytes.empty()) {
            const ssize_t written = write(m_file, bytes.data(), bytes.size());
            DYNAVG_CHECK(written > 0);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { close(m_file); }

    [[nodiscard]] std::filesystem::path path() const {
        return "/proc/self/fd/" + std::to_string(m_file);
    }

private:
    int m_file;
};

}  // namespace dynavg::fuzz
