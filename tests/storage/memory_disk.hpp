#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "storage/disk.hpp"

namespace dynavg::storage {

/// A disk that fails when a test wants it to.
class MemoryDisk final : public Disk {
public:
    Expected<void, Error> write(const std::string& name,
                                std::span<const std::span<const std::byte>> parts) override {
        std::size_t size = 0;
        for (const auto& part : parts) size += part.size();
        full = used_without(name) + size > room;
        if (full) return fail("cannot write " + path_of(name) + ": no room");
        if (!may_change("write " + name)) return broken();
        Bytes& bytes = files[name];
        bytes.clear();
        for (const auto& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
        return {};
    }
    Expected<void, Error> overwrite(const std::string& name, std::size_t offset,
                                    std::span<const std::byte> part) override {
        const auto file = files.find(name);
        if (file == files.end() || file->second.size() < offset + part.size()) return broken();
        const bool allowed = may_change("overwrite " + name);
        // A crash within it leaves half of it.
        const std::size_t written = allowed || !m_crashing_now ? part.size() : part.size() / 2;
        if (!allowed && !m_crashing_now) return broken();
        std::copy_n(part.begin(), written,
                    file->second.begin() + static_cast<std::ptrdiff_t>(offset));
        return allowed ? Expected<void, Error>{} : broken();
    }
    Expected<void, Error> rename(const std::string& from, const std::string& to) override {
        if (!files.contains(from) || !may_change("rename " + from + " " + to)) return broken();
        files[to] = std::move(files[from]);
        files.erase(from);
        return {};
    }
    Expected<void, Error> remove(const std::string& name) override {
        if (!files.contains(name)) return {};
        if (!may_change("remove " + name)) return broken();
        files.erase(name);
        return {};
    }
    [[nodiscard]] Expected<Bytes, Error> read(const std::string& name,
                                              std::size_t bytes_max) const override {
        const auto file = files.find(name);
        if (file == files.end()) return fail(path_of(name) + " is not there");
        if (file->second.size() > bytes_max) return fail(path_of(name) + " is too long");
        return file->second;
    }
    [[nodiscard]] std::vector<std::string> list() const override {
        std::vector<std::string> names;
        for (const auto& [name, bytes] : files) names.push_back(name);
        return names;
    }
    [[nodiscard]] bool is_full() const override { return full; }
    [[nodiscard]] std::string path_of(const std::string& name) const override {
        return "disk/" + name;
    }

    std::map<std::string, Bytes> files;
    std::vector<std::string> changes;  ///< "write history", in order.
    /// So many changes more are carried out; within the next the machine crashes.
    std::size_t changes_left = std::numeric_limits<std::size_t>::max();
    std::size_t room = std::numeric_limits<std::size_t>::max();
    bool full = false;

private:
    bool may_change(std::string change) {
        m_crashing_now = changes_left == 0 && !m_crashed;
        if (changes_left == 0) {
            m_crashed = true;
            return false;
        }
        --changes_left;
        changes.push_back(std::move(change));
        return true;
    }
    [[nodiscard]] std::size_t used_without(const std::string& name) const {
        std::size_t used = 0;
        for (const auto& [other, bytes] : files) used += other == name ? 0 : bytes.size();
        return used;
    }
    static Unexpected<Error> broken() { return fail("the disk does not answer"); }

    bool m_crashed = false;
    bool m_crashing_now = false;
};

}  // namespace dynavg::storage
