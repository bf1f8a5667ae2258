#include "protocol/core/adoption.hpp"

#include <utility>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

bool is_consistent(const std::vector<HistoryEntry>& entries) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const Epoch epoch = entries[i].reference.epoch;
        if (i > 0 && epoch <= entries[i - 1].reference.epoch) return false;
        if (epoch > Epoch(0) && entries[i].roster.empty()) return false;
        if (epoch.next() < epoch) return false;
    }
    return !entries.empty();
}

// --- the pull -----------------------------------------------------------------------------------

HistoryRequest Adoption::pull(const ReferenceId& wanted, const PeerId& source, Past past,
                              Epoch after, Instant now) {
    m_pull = Pull{wanted, source, past, {}, false, now};
    return HistoryRequest{after};
}

bool Adoption::awaits_history_of(const PeerId& source) const {
    return m_pull && m_pull->source == source && !m_pull->history_is_complete;
}

PageOutcome Adoption::on_page(const std::vector<HistoryEntry>& entries, const ReferenceId& own,
                              Instant now) {
    std::vector<HistoryEntry>& known = m_pull->entries;
    const ReferenceId& first = entries.front().reference;
    if (known.empty()) {
        const bool other_past = first.epoch == own.epoch && first != own;
        if (m_pull->past == Past::common && own.epoch > Epoch(0) && other_past) {
            const ForkFound fork{m_pull->wanted};
            m_pull.reset();
            return fork;
        }
        // Nobody remembers what came after this peer's reference.
        if (first.epoch > own.epoch) m_pull->past = Past::other;
        known = entries;
    } else {
        // Each page begins with the last entry of the one before.
        if (first != known.back().reference) {
            m_pull.reset();
            return std::monostate{};
        }
        known.insert(known.end(), entries.begin() + 1, entries.end());
    }
    m_pull->since = now;
    const ReferenceId newest = known.back().reference;
    if (entries.size() == limits::kHistoryEntriesPerMessageMax) return HistoryRequest{newest.epoch};
    if (newest.epoch < m_pull->wanted.epoch) {
        m_pull.reset();
        return std::monostate{};
    }
    m_pull->wanted = newest;
    m_pull->history_is_complete = true;
    return PullOrder{newest, m_pull->source};
}

void Adoption::on_progress(Instant now) {
    if (m_pull) m_pull->since = now;
}

bool Adoption::has_timed_out(Instant now) const {
    return m_pull && now - m_pull->since > limits::kPullTimeout;
}

std::optional<Adopted> Adoption::on_pulled(const ReferenceId& reference) const {
    if (!m_pull || m_pull->wanted != reference || !m_pull->history_is_complete) return std::nullopt;
    return Adopted{m_pull->source, m_pull->past, m_pull->entries};
}

// --- early words --------------------------------------------------------------------------------

void Adoption::keep_early(const Member& from, const Header& header, const StateMessage& state) {
    EarlyMessages& early = m_early[from.id];
    early.from = from;
    early.state = {header, state};
}

void Adoption::keep_early(const Member& from, const RoundState& round) {
    EarlyMessages& early = m_early[from.id];
    early.from = from;
    early.round = round;
}

std::map<PeerId, EarlyMessages> Adoption::take_early() {
    return std::exchange(m_early, {});
}

void Adoption::on_reference() {
    m_pull.reset();
    m_committed.reset();
}

}  // namespace dynavg::protocol
