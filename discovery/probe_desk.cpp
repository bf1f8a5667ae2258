#include "discovery/probe_desk.hpp"

#include <utility>

#include "discovery/bounds.hpp"

namespace dynavg::discovery {

using protocol::FieldDifference;

bool ProbeDesk::take(const ConnectionId& connection, const protocol::Probe& probe,
                     std::vector<FieldDifference> differences, protocol::Instant now) {
    std::erase_if(m_asked,
                  [now](const auto& asked) { return now - asked.second >= kProbeIntervalMin; });
    // The shell always answers; that it might not must not close the desk for ever.
    std::erase_if(m_open, [now](const auto& open) {
        return now - open.second.since >= kProbeForgottenAfter;
    });
    if (m_open.size() >= kProbesOpenMax || m_open.contains(connection)) return false;
    if (!m_asked.emplace(probe.hello.member.id, now).second) return false;
    m_open.emplace(connection, Open{std::move(differences), now});
    return true;
}

std::optional<std::vector<FieldDifference>> ProbeDesk::finish(const ConnectionId& connection) {
    auto node = m_open.extract(connection);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped().differences);
}

}  // namespace dynavg::discovery
