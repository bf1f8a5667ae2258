#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"

namespace dynavg::identity {

/// The keys that a node lets in: those of its configuration, those that joined by the network's
/// token, and none that was revoked. A value; O(log keys) per question.
///
/// A key is *configured* (comes and goes with the configuration), *joined* (kept in the node's
/// state folder) or *revoked* (kept there, and stronger than both, until it is trusted again).
class TrustList {
public:
    static constexpr std::size_t kKeysMax = 1024;
    /// By tokens; the rest is the operator's.
    static constexpr std::size_t kJoinedMax = kKeysMax / 2;
    /// By the word of one peer: a liar must not fill the list.
    static constexpr std::size_t kToldByOneMax = kJoinedMax / 2;
    static constexpr std::size_t kNoteBytesMax = 64;

    void set_configured(std::set<protocol::PeerId> keys) { m_configured = std::move(keys); }

    enum class Joined { added, known, revoked, full };
    /// By the token. `note` is for people: a name, made printable and cut.
    Joined join(const protocol::PeerId& key, std::string_view note);
    /// By the word of one who is trusted.
    Joined join_told(const protocol::PeerId& key, std::string_view teller);

    /// The outcome of the operator's word. full: the list has no room, nothing is done.
    enum class Said { done, known, full };
    /// Also ends a revocation.
    Said trust(const protocol::PeerId& key, std::string_view note);
    Said revoke(const protocol::PeerId& key);

    [[nodiscard]] bool is_trusted(const protocol::PeerId& key) const;
    [[nodiscard]] bool is_revoked(const protocol::PeerId& key) const;
    /// Both kinds, without the revoked.
    [[nodiscard]] std::set<protocol::PeerId> trusted() const;

    /// The text to be kept: one line a key, "trusted KEY NOTE" or "revoked KEY".
    [[nodiscard]] std::string text() const;
    /// Replaces the joined and the revoked keys. An error names the line; nothing is changed then.
    [[nodiscard]] Expected<void, Error> read(std::string_view text);

private:
    [[nodiscard]] bool has_room() const;
    Joined add(const protocol::PeerId& key, std::string_view note);

    std::set<protocol::PeerId> m_configured;
    std::map<protocol::PeerId, std::string> m_joined;  ///< With its note.
    std::set<protocol::PeerId> m_revoked;
};

/// In the state folder.
inline constexpr const char* kTrustFileName = "trusted_peers";

/// Nothing kept yet is no error. Errors say which file and line.
[[nodiscard]] Expected<void, Error> load_trust(const std::filesystem::path& folder,
                                               TrustList& list);
/// Blocks until the disk has it.
[[nodiscard]] Expected<void, Error> save_trust(const std::filesystem::path& folder,
                                               const TrustList& list);

}  // namespace dynavg::identity
