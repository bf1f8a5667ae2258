#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "protocol/base/random.hpp"
#include "storage/disk.hpp"

namespace dynavg::simulation {

/// The effect of a power failure on the file that is being written.
enum class PowerLoss : std::uint8_t {
    clean,  ///< The old file or the new one is there, as Disk promises.
    torn,   ///< Or some of each, as a disk does that lies about what it has written.
};

/// A peer's disk, in memory; it survives the peer.
class SimDisk final : public storage::Disk {
public:
    explicit SimDisk(protocol::RandomStream random) : m_random(random) {}

    Expected<void, Error> write(const std::string& name,
                                std::span<const std::span<const std::byte>> parts) override;
    Expected<void, Error> overwrite(const std::string& name, std::size_t offset,
                                    std::span<const std::byte> bytes) override;
    Expected<void, Error> rename(const std::string& from, const std::string& to) override;
    Expected<void, Error> remove(const std::string& name) override;
    [[nodiscard]] Expected<storage::Bytes, Error> read(const std::string& name,
                                                       std::size_t bytes_max) const override;
    [[nodiscard]] std::vector<std::string> list() const override;
    [[nodiscard]] bool is_full() const override { return m_is_full; }
    [[nodiscard]] std::string path_of(const std::string& name) const override;

    // --- faults ---
    /// The power fails within one of the next changes; nothing is changed from there on, until
    /// restore_power().
    void lose_power_soon(PowerLoss loss);
    void restore_power();
    /// Has no room for more than is there now, until it has room again.
    void fill();
    void make_room() { m_room.reset(); }
    void wipe();
    /// Torn or wiped since call_it_sound().
    [[nodiscard]] bool is_damaged() const { return m_is_damaged; }
    void call_it_sound() { m_is_damaged = false; }

private:
    struct Losing {
        PowerLoss loss = PowerLoss::clean;
        std::uint64_t changes_left = 0;  ///< Before the one that it fails in.
    };
    enum class Change : std::uint8_t { whole, half, none };

    [[nodiscard]] Change next_change();
    [[nodiscard]] Expected<void, Error> dead(const std::string& name) const;
    [[nodiscard]] std::size_t used() const;

    protocol::RandomStream m_random;
    std::map<std::string, storage::Bytes> m_files;
    std::optional<std::size_t> m_room;
    bool m_is_full = false;
    std::optional<Losing> m_losing;
    bool m_is_dead = false;
    bool m_is_damaged = false;
};

}  // namespace dynavg::simulation
