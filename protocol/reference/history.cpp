#include "protocol/reference/history.hpp"

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

History::History(ReferenceId initial) {
    m_entries.emplace(initial.epoch, HistoryEntry{initial, {}});
}

History::History(const std::vector<HistoryEntry>& entries) {
    replace(entries);
}

void History::replace(const std::vector<HistoryEntry>& entries) {
    DYNAVG_CHECK(!entries.empty());
    m_entries.clear();
    m_entries.emplace(entries.front().reference.epoch, entries.front());
    for (const HistoryEntry& entry : entries) add(entry);
}

void History::add(const HistoryEntry& entry) {
    if (entry.reference.epoch <= last().reference.epoch) return;
    m_entries.emplace_hint(m_entries.end(), entry.reference.epoch, entry);
    if (m_entries.size() > limits::kHistoryEpochsMax) m_entries.erase(m_entries.begin());
}

const HistoryEntry* History::find(Epoch epoch) const {
    const auto found = m_entries.find(epoch);
    return found == m_entries.end() ? nullptr : &found->second;
}

std::vector<HistoryEntry> History::between(Epoch first, Epoch last) const {
    std::vector<HistoryEntry> entries;
    for (auto it = m_entries.lower_bound(first); it != m_entries.upper_bound(last); ++it) {
        entries.push_back(it->second);
    }
    return entries;
}

bool History::holds(const ReferenceId& reference) const {
    const HistoryEntry* entry = find(reference.epoch);
    return entry != nullptr && entry->reference == reference;
}

std::vector<HistoryEntry> History::since(Epoch after) const {
    std::vector<HistoryEntry> entries;
    for (auto it = m_entries.lower_bound(after); it != m_entries.end(); ++it) {
        if (entries.size() == limits::kHistoryEntriesPerMessageMax) break;
        entries.push_back(it->second);
    }
    return entries;
}

}  // namespace dynavg::protocol
