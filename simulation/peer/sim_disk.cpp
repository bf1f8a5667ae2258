#include "simulation/peer/sim_disk.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::simulation {

using storage::Bytes;

namespace {

/// More than any call of the store makes; if the power outlasts them, the call is done.
constexpr std::uint64_t kChangesMax = 6;

}  // namespace

/// Of the change that is to be made now: whether the power is there for all of it.
SimDisk::Change SimDisk::next_change() {
    if (!m_losing) return Change::whole;
    if (m_is_dead) return Change::none;
    if (m_losing->changes_left-- > 0) return Change::whole;
    m_is_dead = true;
    if (m_losing->loss == PowerLoss::torn) {
        m_is_damaged = true;
        return Change::half;
    }
    return m_random.below(2) == 0 ? Change::whole : Change::none;
}

Expected<void, Error> SimDisk::write(const std::string& name,
                                     std::span<const std::span<const std::byte>> parts) {
    Bytes bytes;
    for (const auto& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    const auto old = m_files.find(name);
    const std::size_t old_size = old == m_files.end() ? 0 : old->second.size();
    m_is_full = m_room && used() - old_size + bytes.size() > *m_room;
    if (m_is_full) return fail(fmt::format("cannot write {}: no space left", path_of(name)));
    const Change change = next_change();
    if (change == Change::none) return dead(name);
    // The front of the new one, the rest of the old one.
    if (change == Change::half) {
        bytes.resize(bytes.size() / 2);
        if (bytes.size() < old_size) {
            bytes.insert(bytes.end(),
                         old->second.begin() + static_cast<std::ptrdiff_t>(bytes.size()),
                         old->second.end());
        }
    }
    m_files[name] = std::move(bytes);
    return m_is_dead ? dead(name) : Expected<void, Error>{};
}

Expected<void, Error> SimDisk::overwrite(const std::string& name, std::size_t offset,
                                         std::span<const std::byte> bytes) {
    const auto file = m_files.find(name);
    if (file == m_files.end() || file->second.size() < offset + bytes.size()) {
        return fail(fmt::format("cannot write into {}: it is not there", path_of(name)));
    }
    const Change change = next_change();
    if (change == Change::none) return dead(name);
    // Even a good disk may have written a part of it.
    const bool partly = change == Change::half || (m_is_dead && m_random.below(2) == 0);
    const std::size_t written = partly ? m_random.below(bytes.size() + 1) : bytes.size();
    std::copy_n(bytes.begin(), written, file->second.begin() + static_cast<std::ptrdiff_t>(offset));
    return m_is_dead ? dead(name) : Expected<void, Error>{};
}

Expected<void, Error> SimDisk::rename(const std::string& from, const std::string& to) {
    const auto file = m_files.find(from);
    if (file == m_files.end()) {
        return fail(fmt::format("cannot rename {}: it is not there", path_of(from)));
    }
    if (next_change() != Change::whole) return dead(from);
    Bytes bytes = std::move(file->second);
    m_files.erase(file);
    m_files[to] = std::move(bytes);
    return m_is_dead ? dead(from) : Expected<void, Error>{};
}

Expected<void, Error> SimDisk::remove(const std::string& name) {
    if (!m_files.contains(name)) return {};
    if (next_change() != Change::whole) return dead(name);
    m_files.erase(name);
    return m_is_dead ? dead(name) : Expected<void, Error>{};
}

Expected<Bytes, Error> SimDisk::read(const std::string& name, std::size_t bytes_max) const {
    const auto file = m_files.find(name);
    if (file == m_files.end()) {
        return fail(fmt::format("cannot read {}: it is not there", path_of(name)));
    }
    if (file->second.size() > bytes_max) {
        return fail(fmt::format("{} is too large", path_of(name)));
    }
    return file->second;
}

std::vector<std::string> SimDisk::list() const {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : m_files) names.push_back(name);
    return names;
}

std::string SimDisk::path_of(const std::string& name) const {
    return "disk/" + name;
}

void SimDisk::lose_power_soon(PowerLoss loss) {
    m_losing = Losing{loss, m_random.below(kChangesMax)};
}

void SimDisk::restore_power() {
    m_losing.reset();
    m_is_dead = false;
}

void SimDisk::fill() {
    m_room = used();
}

void SimDisk::wipe() {
    m_files.clear();
    m_is_damaged = true;
}

Expected<void, Error> SimDisk::dead(const std::string& name) const {
    return fail(fmt::format("the power failed while {} was written", path_of(name)));
}

std::size_t SimDisk::used() const {
    std::size_t bytes = 0;
    for (const auto& [name, content] : m_files) bytes += content.size();
    return bytes;
}

}  // namespace dynavg::simulation
