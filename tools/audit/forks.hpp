#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "tools/audit/record.hpp"

namespace dynavg::audit {

/// Tells forks from disputes. Borrows the record. Ask for epochs in ascending order: then a fork of
/// any length is looked at once.
class Forks {
public:
    explicit Forks(const NetworkRecord& network);

    /// Whether the different references of this epoch come from a fork that somebody noticed.
    [[nodiscard]] bool explain(std::uint64_t epoch, const EpochRecord& record);

private:
    /// On which side a node is. Those with one digest are on one side, numbered in the order of
    /// their first nodes; a node with several is on none.
    using Sides = std::map<std::uint32_t, std::size_t>;

    [[nodiscard]] static Sides sides_of(const EpochRecord& record);
    [[nodiscard]] bool has_disjoint_rosters(const EpochRecord& record) const;
    [[nodiscard]] bool is_reunion(const Sides& sides, const EpochRecord& record) const;
    [[nodiscard]] bool seen_between_reunions(std::uint64_t epoch, const Sides& sides) const;

    const NetworkRecord& m_network;
    std::set<std::uint64_t> m_signs;  ///< Epochs at one end of a fork.
    struct Last {
        Sides sides;
        std::uint64_t epoch = 0;
        bool explained = false;
    };
    std::optional<Last> m_last;  ///< The epoch that was asked for before.
};

}  // namespace dynavg::audit
