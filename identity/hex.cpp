#include "identity/hex.hpp"

#include <array>

#include <sodium.h>

namespace dynavg::identity {

std::string hex_line(const SecretKey& secret) {
    std::array<char, 2 * kKeyBytes + 1> digits{};
    sodium_bin2hex(digits.data(), digits.size(), secret.bytes().data(), kKeyBytes);
    std::string text(digits.data());
    sodium_memzero(digits.data(), digits.size());
    text += '\n';
    return text;
}

std::optional<SecretKey> secret_from_hex_line(std::string& text) {
    if (text.ends_with('\n')) text.pop_back();
    std::array<std::uint8_t, kKeyBytes> bytes{};
    std::size_t size = 0;
    const bool valid = text.size() == 2 * kKeyBytes &&
                       sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr,
                                      &size, nullptr) == 0 &&
                       size == kKeyBytes;
    const SecretKey secret(bytes);
    sodium_memzero(bytes.data(), bytes.size());
    sodium_memzero(text.data(), text.size());
    if (!valid) return {};
    return secret;
}

}  // namespace dynavg::identity
