#include "daemon/outputs/refusals.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dynavg::daemon {

namespace {

constexpr std::string_view kVersionField = "protocol.version";

}  // namespace

void Refusals::note(const protocol::Event& event, protocol::Instant now) {
    if (event.name != "peer_refused") return;
    const auto* peer = event.find("peer");
    const auto* reason = event.find("reason");
    const auto* name = peer == nullptr ? nullptr : std::get_if<std::string>(peer);
    const auto* fields =
        reason == nullptr ? nullptr : std::get_if<std::vector<std::string>>(reason);
    if (name == nullptr || fields == nullptr) return;
    forget_old(now);
    if (m_refusals.size() >= kPeersMax && !m_refusals.contains(*name)) return;
    const bool version = std::any_of(fields->begin(), fields->end(), [](const std::string& text) {
        return text.starts_with(kVersionField);
    });
    m_refusals[*name] = {now, fmt::format("{}: {}", *name, fmt::join(*fields, ", ")), version};
}

void Refusals::forget_old(protocol::Instant now) {
    std::erase_if(m_refusals, [now](const auto& entry) { return now - entry.second.at > kKept; });
}

std::vector<std::string> Refusals::told(bool version) const {
    std::vector<std::string> texts;
    for (const auto& [peer, refusal] : m_refusals) {
        if (refusal.version == version) texts.push_back(refusal.text);
    }
    return texts;
}

}  // namespace dynavg::daemon
