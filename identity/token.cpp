#include "identity/token.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sodium.h>

#include "identity/hex.hpp"
#include "identity/private_file.hpp"
#include "protocol/base/digest.hpp"

namespace dynavg::identity {
namespace {

constexpr std::string_view kPrefix = "dynavg1-";
constexpr int kBase64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t kCheckBytes = 4;
constexpr std::size_t kTextBytesMax = 1024;

using Bytes = std::vector<std::uint8_t>;

void add(Bytes& bytes, std::span<const std::uint8_t> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
}

/// Two bytes of length, the lower first, then the text.
void add(Bytes& bytes, std::string_view text) {
    bytes.push_back(static_cast<std::uint8_t>(text.size() & 0xff));
    bytes.push_back(static_cast<std::uint8_t>(text.size() >> 8));
    bytes.insert(bytes.end(), text.begin(), text.end());
}

std::array<std::uint8_t, kCheckBytes> check_sum(std::span<const std::uint8_t> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::uint64_t digest = protocol::Digester().add(text).finish().low;
    std::array<std::uint8_t, kCheckBytes> sum{};
    for (std::uint8_t& byte : sum) {
        byte = static_cast<std::uint8_t>(digest & 0xff);
        digest >>= 8;
    }
    return sum;
}

std::optional<Bytes> decode_base64(std::string_view text) {
    if (text.empty()) return {};
    Bytes bytes(text.size());
    std::size_t size = 0;
    if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                          nullptr, kBase64) != 0) {
        return {};
    }
    bytes.resize(size);
    return bytes;
}

/// Takes parts off the front; after the first that is not there, nothing more.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> bytes) : m_rest(bytes) {}

    [[nodiscard]] std::array<std::uint8_t, kKeyBytes> key() {
        std::array<std::uint8_t, kKeyBytes> key{};
        const auto part = take(key.size());
        std::copy(part.begin(), part.end(), key.begin());
        return key;
    }
    [[nodiscard]] std::string text() {
        const auto length = take(2);
        if (length.empty()) return {};
        const std::size_t size = length[0] + (std::size_t{length[1]} << 8);
        if (size > kTextBytesMax) m_failed = true;
        const auto part = take(size);
        return {part.begin(), part.end()};
    }
    [[nodiscard]] bool is_read() const { return !m_failed && m_rest.empty(); }

private:
    std::span<const std::uint8_t> take(std::size_t size) {
        if (m_failed || size > m_rest.size()) {
            m_failed = true;
            return {};
        }
        const auto part = m_rest.first(size);
        m_rest = m_rest.subspan(size);
        return part;
    }

    std::span<const std::uint8_t> m_rest;
    bool m_failed = false;
};

}  // namespace

std::string text_of(const Token& token) {
    Bytes bytes;
    add(bytes, token.host.bytes);
    add(bytes, token.secret.bytes());
    add(bytes, token.address);
    add(bytes, token.network);
    add(bytes, token.model);
    add(bytes, check_sum(bytes));
    std::string text(sodium_base64_encoded_len(bytes.size(), kBase64), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kBase64);
    text.pop_back();  // The terminating zero.
    return std::string(kPrefix) + text;
}

Expected<Token, Error> parse_token(std::string_view text) {
    constexpr const char* kHint =
        "copy it again, whole, as `dynavg init` or `dynavg token` printed it";
    if (!text.starts_with(kPrefix)) {
        return fail(fmt::format("this is no token, which begins with \"{}\"; {}", kPrefix, kHint));
    }
    auto bytes = text.size() <= kTokenTextBytesMax ? decode_base64(text.substr(kPrefix.size()))
                                                   : std::optional<Bytes>();
    if (!bytes || bytes->size() <= kCheckBytes) {
        return fail(fmt::format("the token is damaged; {}", kHint));
    }
    const std::span<const std::uint8_t> all(*bytes);
    const auto content = all.first(all.size() - kCheckBytes);
    const auto sum = check_sum(content);
    if (!std::equal(sum.begin(), sum.end(), all.last(kCheckBytes).begin())) {
        return fail(fmt::format("the token is damaged or cut off; {}", kHint));
    }
    Reader reader(content);
    Token token;
    token.host.bytes = reader.key();
    token.secret = SecretKey(reader.key());
    token.address = reader.text();
    token.network = reader.text();
    token.model = reader.text();
    if (!reader.is_read()) return fail("the token is of another version of dynavg");
    return token;
}

Expected<std::optional<SecretKey>, Error> load_token_secret(const std::filesystem::path& folder) {
    const auto file = folder / kTokenFileName;
    auto text = read_private_file(file, kHexLineBytes);
    if (!text) return Unexpected<Error>(std::move(text.error()));
    if (!*text) return std::nullopt;
    const auto secret = secret_from_hex_line(**text);
    if (!secret) {
        return fail(fmt::format("{} holds no token; make a new one with `dynavg token --new`",
                                file.string()));
    }
    return secret;
}

Expected<void, Error> save_token_secret(const std::filesystem::path& folder,
                                        const SecretKey& secret) {
    std::string text = hex_line(secret);
    auto written = write_private_file(folder / kTokenFileName, text, Replace::yes);
    sodium_memzero(text.data(), text.size());
    return written;
}

Expected<void, Error> remove_token_secret(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::remove(folder / kTokenFileName, error);
    if (error) {
        return fail(fmt::format("cannot remove {}: {}", (folder / kTokenFileName).string(),
                                error.message()));
    }
    return {};
}

}  // namespace dynavg::identity
