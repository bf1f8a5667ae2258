#include "daemon/outputs/refusals.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discovery/refusal_advice.hpp"

namespace dynavg::daemon {

namespace {

constexpr std::string_view kSettings[] = {"network:", "model:", "model.",
                                          "averaging:", "averaging."};

bool is_setting(std::string_view text) {
    return std::any_of(std::begin(kSettings), std::end(kSettings),
                       [text](std::string_view begin) { return text.starts_with(begin); });
}

template <class T>
const T* value_of(const protocol::Event& event, std::string_view field) {
    const auto* value = event.find(field);
    return value == nullptr ? nullptr : std::get_if<T>(value);
}

}  // namespace

/// The one that a person mends first.
Refusals::Cause Refusals::cause_of(const std::vector<std::string>& fields) {
    const auto any = [&fields](auto is_it) {
        return std::any_of(fields.begin(), fields.end(), is_it);
    };
    if (any([](const std::string& text) { return text.starts_with(discovery::kVersionField); })) {
        return Cause::version;
    }
    return any(is_setting) ? Cause::settings : Cause::other;
}

void Refusals::note(const protocol::Event& event, protocol::Instant now) {
    const auto* name = value_of<std::string>(event, "peer");
    if (name == nullptr) return;
    Refusal refusal{now, event.message, Cause::other};
    if (event.name == "peer_refused") {
        const auto* fields = value_of<std::vector<std::string>>(event, "reason");
        if (fields == nullptr) return;
        refusal.cause = cause_of(*fields);
        if (refusal.cause != Cause::other) {
            refusal.text = fmt::format("{}: {}", *name, fmt::join(*fields, ", "));
        }
    } else if (event.name != "peer_joined" || event.level != protocol::Level::warning) {
        return;
    }
    forget_old(now);
    if (m_refusals.size() >= kPeersMax && !m_refusals.contains(*name)) return;
    m_refusals[*name] = std::move(refusal);
}

void Refusals::forget_old(protocol::Instant now) {
    std::erase_if(m_refusals, [now](const auto& entry) { return now - entry.second.at > kKept; });
}

std::vector<std::string> Refusals::told(Cause cause) const {
    std::vector<std::string> texts;
    for (const auto& [peer, refusal] : m_refusals) {
        if (refusal.cause == cause) texts.push_back(refusal.text);
    }
    return texts;
}

}  // namespace dynavg::daemon
