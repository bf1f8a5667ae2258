#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "identity/keys.hpp"

namespace dynavg::identity {

/// The first two words of CurveZMQ (ZeroMQ RFC 26), which tell whether the other end has the secret
/// half of a public key. They say nothing of whom it lets in: that comes after, and libzmq says it
/// to nobody.
class CurveHello {
public:
    static constexpr std::size_t kHelloBytes = 200;
    static constexpr std::size_t kWelcomeBytes = 168;

    /// With a key pair of its own, for this one question.
    explicit CurveHello(const protocol::PeerId& other);
    [[nodiscard]] std::array<std::uint8_t, kHelloBytes> hello() const;
    /// Only who has the other's secret key can have answered so.
    [[nodiscard]] bool is_welcome(std::span<const std::uint8_t> answer) const;

private:
    protocol::PeerId m_other;
    Identity m_transient;
};

}  // namespace dynavg::identity
