#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "posix/descriptor.hpp"
#include "protocol/base/expected.hpp"
#include "storage/disk.hpp"

namespace dynavg::storage {

/// A folder of the file system. Files are written to a temporary name, synchronised, renamed into
/// place, and the folder is synchronised, so that a name always stands for a whole file; only
/// overwrite() works in place. (On file systems that copy on write, as btrfs and ZFS, it does need
/// room.)
///
/// One process at a time holds the folder, by a lock on its file "lock" that the system releases
/// when the process ends, however it ends. Files are readable by their owner only.
///
/// Not thread-safe. Calls block until the disk has answered. An Error says which path, the system's
/// reason, and what to do about it.
class PosixDisk final : public Disk {
public:
    /// Makes the folder if it is not there, locks it, and removes temporary files that a crash has
    /// left. Fails if it cannot, or if another process holds it.
    [[nodiscard]] static Expected<std::unique_ptr<PosixDisk>, Error> open(const std::string& path);
    /// To read what is there, beside the process that holds it: without the lock. The folder must
    /// exist. Calls that write are a bug of the caller.
    [[nodiscard]] static Expected<std::unique_ptr<PosixDisk>, Error> open_to_read(
        const std::string& path);
    ~PosixDisk() override;

    Expected<void, Error> write(const std::string& name,
                                std::span<const std::span<const std::byte>> parts) override;
    Expected<void, Error> overwrite(const std::string& name, std::size_t offset,
                                    std::span<const std::byte> bytes) override;
    Expected<void, Error> rename(const std::string& from, const std::string& to) override;
    Expected<void, Error> remove(const std::string& name) override;
    [[nodiscard]] Expected<Bytes, Error> read(const std::string& name,
                                              std::size_t bytes_max) const override;
    [[nodiscard]] std::vector<std::string> list() const override;
    [[nodiscard]] bool is_full() const override { return m_full; }
    [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override;
    [[nodiscard]] std::string path_of(const std::string& name) const override;

private:
    PosixDisk(std::string path, posix::Descriptor folder, posix::Descriptor lock);
    [[nodiscard]] static Expected<posix::Descriptor, Error> lock_folder(
        const std::string& path, const posix::Descriptor& folder);
    void remove_temporary_files();
    /// Keeps whether the reason was lack of room.
    [[nodiscard]] Unexpected<Error> failed(const std::string& what, const std::string& name,
                                           int reason);
    Expected<void, Error> synchronise_folder(const std::string& name);

    std::string m_path;
    posix::Descriptor m_folder;
    posix::Descriptor m_lock;
    bool m_full = false;
};

}  // namespace dynavg::storage
