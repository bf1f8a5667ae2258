#include "protocol/core/node_core.hpp"

// Observers: nodes that follow the reference and have no say in it (docs/protocol.md, section 4).

namespace dynavg::protocol {

/// By heartbeats an observer hears of commits, and by histories how they came about; rounds and
/// states are for members.
void NodeCore::follow(const Member& from, const Header& header, const Message& message,
                      Instant now) {
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        if (has_reference(header)) {
            m_same_reference.insert(from);
            m_electorate.hear({from, heartbeat->remembers}, heartbeat->departed);
        }
        on_reference_heard(from, {header.epoch, heartbeat->reference_digest}, now);
    } else if (const auto* history = std::get_if<HistoryReply>(&message)) {
        on_history(from, *history, now);
    }
}

/// Where its network has split, it stays with a side that is there and may go on.
bool NodeCore::may_stay_on_own_side() const {
    if (live_members_at(m_reference->id).empty()) return false;
    return m_options.averaging.quorum == QuorumRule::none || is_sufficient(live_members());
}

void NodeCore::tell_history(const PeerId& observer, const HistoryRequest& request) {
    m_actions.send.emplace_back(observer, HistoryReply{m_history.since(request.after)});
}

}  // namespace dynavg::protocol
