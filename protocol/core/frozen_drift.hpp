#pragma once

#include <optional>

#include "protocol/base/ids.hpp"
#include "protocol/core/actions.hpp"
#include "protocol/reference/history.hpp"
#include "protocol/reference/threshold_setting.hpp"

namespace dynavg::protocol {

/// The record of a freeze: its round, and the facts that were frozen with the drift.
struct Frozen {
    Epoch target;  ///< Every attempt at it sends the same contribution, and the same setting.
    std::optional<ThresholdSetting> setting{};
    /// The whole drift is in it: training had paused before, because this peer leaves.
    bool is_last = false;
};

/// The drift of an earlier life, as a restart brought it back.
struct RestoredDrift {
    Epoch since;  ///< Of the reference that it counts from.
    std::optional<Epoch> frozen_for;
};

/// Knows which part of the local drift was given to a round, and so is *spent* once a reference
/// holds it: no step may count twice, and none be lost (docs/protocol.md, "Adopt").
///
/// Under one reference: *nothing given* -> *frozen* for a target; a target further on (a merge)
/// freezes anew. A restored drift may have been given by the earlier life. on_reference() begins
/// anew.
class FrozenDrift {
public:
    explicit FrozenDrift(const Member& self) : m_self(self) {}

    void restore(const RestoredDrift& drift) { m_restored = drift; }
    void freeze(const Frozen& frozen) { m_frozen = frozen; }
    [[nodiscard]] const std::optional<Frozen>& frozen() const { return m_frozen; }
    [[nodiscard]] bool is_frozen_for(Epoch target) const {
        return m_frozen && m_frozen->target == target;
    }

    /// The part of the drift that is in the reference of epoch `upto`, whose entry `history` holds
    /// already.
    [[nodiscard]] Spent spent_by(Epoch upto, const History& history) const;
    /// The trainer is about to move to another reference.
    void on_reference();

private:
    Member m_self;
    std::optional<Frozen> m_frozen;
    std::optional<RestoredDrift> m_restored;
};

}  // namespace dynavg::protocol
