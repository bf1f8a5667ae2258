#pragma once

#include <cstdint>

#include "protocol/base/ids.hpp"
#include "protocol/core/peer_view.hpp"
#include "protocol/core/settings.hpp"

namespace dynavg::protocol {

/// Knows whether this peer may train yet (`start_peers`), and in lockstep the peers that must be in
/// step with it: the members whose states make a step complete. The set is fixed for an epoch: the
/// roster behind the reference or, before the first round, the peers that started together. A
/// joiner counts from the next reference on. Where more than `start_peers` come up at once, the
/// sets that they start with may differ; the first reference ends that.
class Pacer {
public:
    Pacer(Member self, const AveragingSettings& averaging, std::uint32_t start_peers);

    /// Looks whether training may begin: enough peers are live (once begun, it stays so).
    void on_peers(const PeerView& view, const ReferenceId& reference);
    /// A reference was installed; its roster is the new lockstep set.
    void on_reference(const Roster& roster);

    /// This peer goes on from a checkpoint. In lockstep it is in step from the next reference on.
    void on_restart() { m_started = true; }

    [[nodiscard]] bool has_started() const { return m_started; }
    /// Without lockstep nobody is in step.
    [[nodiscard]] LockstepPosition position() const;
    [[nodiscard]] bool is_in_step() const { return position() == LockstepPosition::in_step; }
    /// The members whose states are waited for, this peer included; sorted. Without lockstep:
    /// empty.
    [[nodiscard]] const Roster& members() const { return m_members; }
    /// Whether the state of this other peer is waited for: it is live, and does not stand apart; a
    /// member here may have seen, as it started, that others had gone on without it.
    [[nodiscard]] bool waits_for(const PeerInfo& peer, const ReferenceId& reference) const;
    /// This peer, if it is a member, and those that it waits for.
    [[nodiscard]] Roster live_members(const PeerView& view, const ReferenceId& reference) const;

private:
    Member m_self;
    bool m_lockstep;
    std::uint64_t m_check_every;
    std::uint32_t m_start_peers;
    bool m_started = false;
    Roster m_members;
};

}  // namespace dynavg::protocol
