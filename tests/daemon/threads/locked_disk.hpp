#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "tests/storage/memory_disk.hpp"

namespace dynavg::daemon {

/// A disk in memory that the storage thread uses while a test looks at it, or breaks it.
class LockedDisk final : public storage::Disk {
public:
    using Bytes = storage::Bytes;

    Expected<void, Error> write(const std::string& name,
                                std::span<const std::span<const std::byte>> parts) override {
        const std::lock_guard lock(m_mutex);
        return m_disk.write(name, parts);
    }
    Expected<void, Error> overwrite(const std::string& name, std::size_t offset,
                                    std::span<const std::byte> bytes) override {
        const std::lock_guard lock(m_mutex);
        return m_disk.overwrite(name, offset, bytes);
    }
    Expected<void, Error> rename(const std::string& from, const std::string& to) override {
        const std::lock_guard lock(m_mutex);
        return m_disk.rename(from, to);
    }
    Expected<void, Error> remove(const std::string& name) override {
        const std::lock_guard lock(m_mutex);
        return m_disk.remove(name);
    }
    [[nodiscard]] Expected<Bytes, Error> read(const std::string& name,
                                              std::size_t bytes_max) const override {
        const std::lock_guard lock(m_mutex);
        return m_disk.read(name, bytes_max);
    }
    [[nodiscard]] std::vector<std::string> list() const override {
        const std::lock_guard lock(m_mutex);
        return m_disk.list();
    }
    [[nodiscard]] bool is_full() const override {
        const std::lock_guard lock(m_mutex);
        return m_disk.is_full();
    }
    [[nodiscard]] std::string path_of(const std::string& name) const override {
        return m_disk.path_of(name);
    }

    void set_room(std::size_t bytes) {
        const std::lock_guard lock(m_mutex);
        m_disk.room = bytes;
    }
    /// From now on nothing is written any more, as after a loss of power.
    void cut_off() {
        const std::lock_guard lock(m_mutex);
        m_disk.changes_left = 0;
    }
    void reconnect() {
        const std::lock_guard lock(m_mutex);
        m_disk.changes_left = 1'000'000;
    }
    [[nodiscard]] std::vector<std::string> changes() const {
        const std::lock_guard lock(m_mutex);
        return m_disk.changes;
    }

private:
    mutable std::mutex m_mutex;
    storage::MemoryDisk m_disk;
};

}  // namespace dynavg::daemon
