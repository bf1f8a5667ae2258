#include "protocol/core/frozen_drift.hpp"

#include "protocol/wire/durable.hpp"

namespace dynavg::protocol {

/// The frozen part is spent if the roster of the epoch that it was frozen for held this peer. The
/// part that a restart brought back is spent if a later roster held an earlier life of this peer.
/// Where the history does not reach back so far, nobody can know: rather lost than counted twice.
Spent FrozenDrift::spent_by(Epoch upto, const History& history) const {
    if (m_frozen && m_frozen->target <= upto) {
        const HistoryEntry* entry = history.find(m_frozen->target);
        if (entry == nullptr || contains(entry->roster, m_self)) return Spent::frozen;
    }
    if (!m_restored) return Spent::nothing;
    const auto later = history.between(m_restored->since.next(), upto);
    const Unspent unspent = unspent_of(m_restored->since, m_restored->frozen_for, later, m_self);
    return unspent == Unspent::all ? Spent::nothing : Spent::given;
}

void FrozenDrift::on_reference() {
    m_frozen.reset();
    m_restored.reset();
}

}  // namespace dynavg::protocol
