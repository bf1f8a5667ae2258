#pragma once

#include <map>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The references that led to the one in force: digest and roster per epoch, the last
/// limits::kHistoryEpochsMax of them, without a gap but for those that a merge makes.
class History {
public:
    /// Starts with epoch 0, which has no roster behind it.
    explicit History(ReferenceId initial);
    /// From disk: not empty, sorted by epoch.
    explicit History(const std::vector<HistoryEntry>& entries);

    /// Later than all before, or the entry is ignored.
    void add(const HistoryEntry& entry);
    /// Another past: of a peer that was away for longer than anybody remembers, or on the losing
    /// side of a fork. Not empty, sorted by epoch.
    void replace(const std::vector<HistoryEntry>& entries);
    [[nodiscard]] const HistoryEntry& last() const { return m_entries.rbegin()->second; }
    /// Those of first to last, both included.
    [[nodiscard]] std::vector<HistoryEntry> between(Epoch first, Epoch last) const;
    [[nodiscard]] const HistoryEntry* find(Epoch epoch) const;
    [[nodiscard]] bool holds(const ReferenceId& reference) const;
    /// The entry of `after` (if remembered) and what came next, as many as a message may hold.
    [[nodiscard]] std::vector<HistoryEntry> since(Epoch after) const;

private:
    std::map<Epoch, HistoryEntry> m_entries;
};

}  // namespace dynavg::protocol
