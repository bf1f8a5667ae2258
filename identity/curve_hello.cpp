#include "identity/curve_hello.hpp"

#include <algorithm>
#include <string_view>

#include <sodium.h>

#include "protocol/base/check.hpp"

namespace dynavg::identity {

namespace {

constexpr std::size_t kNonceBytes = crypto_box_NONCEBYTES;
using Nonce = std::array<std::uint8_t, kNonceBytes>;

// Offsets in a HELLO: its name, version 1.0, padding, key, the nonce's end, the box.
constexpr std::string_view kHelloName = "\x05HELLO";
constexpr std::size_t kVersionAt = 6;
constexpr std::size_t kKeyAt = 80;
constexpr std::size_t kShortNonceAt = 112;
constexpr std::size_t kShortNonceBytes = 8;
constexpr std::size_t kHelloBoxAt = 120;
constexpr std::size_t kSignatureBytes = 64;
static_assert(kHelloBoxAt + crypto_box_MACBYTES + kSignatureBytes == CurveHello::kHelloBytes);

// In a WELCOME: its name, the nonce's end, the box.
constexpr std::string_view kWelcomeName = "\x07WELCOME";
constexpr std::size_t kLongNonceAt = 8;
constexpr std::size_t kLongNonceBytes = 16;
constexpr std::size_t kWelcomeBoxAt = 24;

Nonce nonce_of(std::string_view begin, std::span<const std::uint8_t> end) {
    DYNAVG_CHECK(begin.size() + end.size() == kNonceBytes);
    Nonce nonce{};
    std::ranges::copy(end, std::ranges::copy(begin, nonce.begin()).out);
    return nonce;
}

}  // namespace

CurveHello::CurveHello(const protocol::PeerId& other)
    : m_other(other), m_transient(make_identity()) {}

std::array<std::uint8_t, CurveHello::kHelloBytes> CurveHello::hello() const {
    std::array<std::uint8_t, kHelloBytes> hello{};
    std::ranges::copy(kHelloName, hello.begin());
    hello[kVersionAt] = 1;
    std::ranges::copy(m_transient.id.bytes, hello.begin() + kKeyAt);
    // The key is new, so any nonce is.
    hello[kShortNonceAt + kShortNonceBytes - 1] = 1;
    const Nonce nonce =
        nonce_of("CurveZMQHELLO---", std::span(hello).subspan(kShortNonceAt, kShortNonceBytes));
    const std::array<std::uint8_t, kSignatureBytes> zeros{};
    const int boxed =
        crypto_box_easy(hello.data() + kHelloBoxAt, zeros.data(), zeros.size(), nonce.data(),
                        m_other.bytes.data(), m_transient.secret.bytes().data());
    // Of the few points that are no keys nobody has the secret half.
    if (boxed != 0) hello.fill(0);
    return hello;
}

bool CurveHello::is_welcome(std::span<const std::uint8_t> answer) const {
    if (answer.size() != kWelcomeBytes ||
        !std::ranges::equal(answer.first(kWelcomeName.size()), kWelcomeName,
                            [](std::uint8_t a, char b) { return a == std::uint8_t(b); })) {
        return false;
    }
    const Nonce nonce = nonce_of("WELCOME-", answer.subspan(kLongNonceAt, kLongNonceBytes));
    std::array<std::uint8_t, kWelcomeBytes - kWelcomeBoxAt - crypto_box_MACBYTES> opened{};
    return crypto_box_open_easy(opened.data(), answer.data() + kWelcomeBoxAt,
                                kWelcomeBytes - kWelcomeBoxAt, nonce.data(), m_other.bytes.data(),
                                m_transient.secret.bytes().data()) == 0;
}

}  // namespace dynavg::identity
