#include "identity/trust.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "identity/private_file.hpp"

namespace dynavg::identity {

using protocol::PeerId;

namespace {

constexpr std::string_view kTrusted = "trusted ";
constexpr std::string_view kRevoked = "revoked ";
constexpr std::string_view kTitle =
    "# Keys of peers that joined by the network's token, and revoked ones; kept by dynavgd.\n";
constexpr std::size_t kKeyDigits = 64;
constexpr std::size_t kFileBytesMax = 256 * 1024;

std::string printable(std::string_view note) {
    std::string text(note.substr(0, TrustList::kNoteBytesMax));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

/// Cuts the first line off `rest`.
std::string_view next_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

}  // namespace

bool TrustList::has_room() const {
    return m_joined.size() + m_revoked.size() < kKeysMax;
}

TrustList::Joined TrustList::add(const PeerId& key, std::string_view note) {
    if (is_revoked(key)) return Joined::revoked;
    if (m_joined.contains(key)) return Joined::known;
    if (!has_room()) return Joined::full;
    m_joined.emplace(key, printable(note));
    return Joined::added;
}

TrustList::Joined TrustList::join(const PeerId& key, std::string_view note) {
    const bool is_new = !is_revoked(key) && !m_joined.contains(key);
    if (is_new && m_joined.size() >= kJoinedMax) return Joined::full;
    return add(key, note);
}

TrustList::Joined TrustList::join_told(const PeerId& key, std::string_view teller) {
    const std::string note = printable(fmt::format("told by {}", teller));
    const auto told = std::count_if(m_joined.begin(), m_joined.end(),
                                    [&](const auto& entry) { return entry.second == note; });
    const bool is_new = !is_revoked(key) && !m_joined.contains(key);
    if (is_new && static_cast<std::size_t>(told) >= kToldByOneMax) return Joined::full;
    return join(key, note);
}

TrustList::Said TrustList::trust(const PeerId& key, std::string_view note) {
    const bool was_revoked = m_revoked.erase(key) > 0;
    switch (add(key, note)) {
        case Joined::added:
        case Joined::revoked:
            return Said::done;
        case Joined::known:
            return was_revoked ? Said::done : Said::known;
        case Joined::full:
            return Said::full;
    }
    return Said::full;
}

TrustList::Said TrustList::revoke(const PeerId& key) {
    if (is_revoked(key)) return Said::known;
    const bool had_joined = m_joined.erase(key) > 0;
    if (!had_joined && !has_room()) return Said::full;
    m_revoked.insert(key);
    return Said::done;
}

bool TrustList::is_trusted(const PeerId& key) const {
    return !is_revoked(key) && (m_configured.contains(key) || m_joined.contains(key));
}

bool TrustList::is_revoked(const PeerId& key) const {
    return m_revoked.contains(key);
}

std::set<PeerId> TrustList::trusted() const {
    std::set<PeerId> keys = m_configured;
    for (const auto& [key, note] : m_joined) keys.insert(key);
    for (const PeerId& key : m_revoked) keys.erase(key);
    return keys;
}

std::string TrustList::text() const {
    std::string text(kTitle);
    for (const auto& [key, note] : m_joined) {
        text += fmt::format("{}{} {}\n", kTrusted, key.hex(), note);
    }
    for (const PeerId& key : m_revoked) text += fmt::format("{}{}\n", kRevoked, key.hex());
    return text;
}

Expected<void, Error> TrustList::read(std::string_view text) {
    TrustList found;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::string_view line = next_line(text);
        if (line.empty() || line.front() == '#') continue;
        const bool revoked = line.starts_with(kRevoked);
        const bool known = revoked || line.starts_with(kTrusted);
        const auto key = known ? PeerId::from_hex(line.substr(kTrusted.size(), kKeyDigits))
                               : std::optional<PeerId>();
        if (!key || !found.has_room()) {
            return fail(
                fmt::format("line {}: expected \"trusted KEY NAME\" or \"revoked KEY\", and "
                            "no more than {} of them",
                            number, kKeysMax));
        }
        if (revoked) {
            (void)found.revoke(*key);
        } else {
            const std::size_t note = kTrusted.size() + kKeyDigits + 1;
            found.add(*key, line.size() > note ? line.substr(note) : std::string_view());
        }
    }
    m_joined = std::move(found.m_joined);
    m_revoked = std::move(found.m_revoked);
    return {};
}

static_assert(kTrusted.size() == kRevoked.size());

Expected<void, Error> load_trust(const std::filesystem::path& folder, TrustList& list) {
    const auto file = folder / kTrustFileName;
    const auto text = read_private_file(file, kFileBytesMax);
    if (!text) return Unexpected<Error>(text.error());
    if (!*text) return {};
    if (auto read = list.read(**text); !read) {
        return fail(fmt::format("{}: {}; correct it, or remove it and let the peers join anew",
                                file.string(), read.error().message));
    }
    return {};
}

Expected<void, Error> save_trust(const std::filesystem::path& folder, const TrustList& list) {
    return write_private_file(folder / kTrustFileName, list.text(), Replace::yes);
}

}  // namespace dynavg::identity
