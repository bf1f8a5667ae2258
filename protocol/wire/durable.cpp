#include "protocol/wire/durable.hpp"

#include <algorithm>

namespace dynavg::protocol {

Unspent unspent_of(Epoch drift_since, std::optional<Epoch> frozen_for,
                   const std::vector<HistoryEntry>& later, const Member& self) {
    Unspent unspent = Unspent::all;
    for (const HistoryEntry& entry : later) {
        if (entry.reference.epoch <= drift_since) continue;
        const bool held =
            std::any_of(entry.roster.begin(), entry.roster.end(), [&self](const Member& member) {
                return member.id == self.id && member.incarnation < self.incarnation;
            });
        if (!held) continue;
        if (entry.reference.epoch != frozen_for) return Unspent::nothing;
        unspent = Unspent::after_freeze;
    }
    return unspent;
}

}  // namespace dynavg::protocol
