#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "identity/keys.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::identity {

/// The token lets a machine into a network: printed by `dynavg init` and `dynavg token`, given to
/// `dynavg join`. Its holder can have a key trusted, so it is passed on like a password. The key
/// pair of its secret opens the door to an introduction and to nothing else: nobody is ever known
/// by it.
struct Token {
    protocol::PeerId host;  ///< Of the node that printed it,
    std::string address;    ///< and where others dial it: "host:port".
    std::string network;
    std::string model;  ///< The [model] table, as TOML: all peers have it in common.
    SecretKey secret;
};

inline constexpr std::size_t kTokenTextBytesMax = 4096;

/// One word without characters that a shell reads: "dynavg1-" and base64. Carries a check sum, so
/// that a cut copy is noticed.
[[nodiscard]] std::string text_of(const Token& token);
/// The error says what is wrong with the text.
[[nodiscard]] Expected<Token, Error> parse_token(std::string_view text);

/// In the state folder: the secret alone. A node without it lets nobody in by token.
inline constexpr const char* kTokenFileName = "token";

/// Nothing: this node has none. Errors as of read_private_file().
[[nodiscard]] Expected<std::optional<SecretKey>, Error> load_token_secret(
    const std::filesystem::path& folder);
[[nodiscard]] Expected<void, Error> save_token_secret(const std::filesystem::path& folder,
                                                      const SecretKey& secret);
/// Closes the door. Not there is no error.
[[nodiscard]] Expected<void, Error> remove_token_secret(const std::filesystem::path& folder);

}  // namespace dynavg::identity
