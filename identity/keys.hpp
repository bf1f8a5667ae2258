#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/base/ids.hpp"

namespace dynavg::identity {

inline constexpr std::size_t kKeyBytes = 32;

/// 32 bytes that nobody else may see; wiped when it ends.
class SecretKey {
public:
    SecretKey() = default;
    explicit SecretKey(const std::array<std::uint8_t, kKeyBytes>& bytes) : m_bytes(bytes) {}
    SecretKey(const SecretKey&) = default;
    SecretKey& operator=(const SecretKey&) = default;
    ~SecretKey();
    [[nodiscard]] std::span<const std::uint8_t, kKeyBytes> bytes() const { return m_bytes; }

private:
    std::array<std::uint8_t, kKeyBytes> m_bytes{};
};

/// A key pair for CurveZMQ (X25519). The public half is who a peer is.
struct Identity {
    protocol::PeerId id;
    SecretKey secret;
};

/// From the system's randomness.
[[nodiscard]] Identity make_identity();
/// The pair that belongs to a secret key.
[[nodiscard]] Identity identity_of(const SecretKey& secret);
/// Equal seeds give equal pairs: a seed is as secret as the key.
[[nodiscard]] Identity identity_from_seed(const SecretKey& seed);

}  // namespace dynavg::identity
