#pragma once

#include <map>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/messages.hpp"

namespace dynavg::protocol {

/// The references that led to the one in force: digest and roster per epoch, the last
/// limits::kHistoryEpochsMax of them. An epoch may be missing where many were adopted at once.
class History {
public:
    /// Starts with epoch 0, which has no roster behind it.
    explicit History(ReferenceId initial);

    /// Later than all before, or the entry is ignored.
    void add(const HistoryEntry& entry);
    [[nodiscard]] const HistoryEntry& last() const { return m_entries.rbegin()->second; }
    /// Those of first to last, both included.
    [[nodiscard]] std::vector<HistoryEntry> between(Epoch first, Epoch last) const;
    [[nodiscard]] const HistoryEntry* find(Epoch epoch) const;
    [[nodiscard]] bool holds(const ReferenceId& reference) const;
    /// The entry of `after` (if remembered) and what came next, as many as a message may hold; the
    /// last one always, so the middle is left out where the limit cuts.
    [[nodiscard]] std::vector<HistoryEntry> since(Epoch after) const;

private:
    std::map<Epoch, HistoryEntry> m_entries;
};

}  // namespace dynavg::protocol
