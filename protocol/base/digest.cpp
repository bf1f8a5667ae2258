#include "protocol/base/digest.hpp"

#include <bit>

#include <xxhash.h>

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

// Every type is fed in memory order; a big-endian machine would need a byte swap here.
static_assert(std::endian::native == std::endian::little);

struct Digester::State {
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> xxh{XXH3_createState(),
                                                                 &XXH3_freeState};
};

Digester::Digester() : m_state(std::make_unique<State>()) {
    DYNAVG_CHECK(m_state->xxh != nullptr);
    XXH3_128bits_reset(m_state->xxh.get());
}

Digester::~Digester() = default;

Digester& Digester::add(std::span<const std::byte> bytes) {
    if (!bytes.empty()) XXH3_128bits_update(m_state->xxh.get(), bytes.data(), bytes.size());
    return *this;
}

Digester& Digester::add(std::string_view text) {
    add_u64(text.size());
    return add(std::as_bytes(std::span(text.data(), text.size())));
}

Digester& Digester::add(std::span<const float> values) {
    add_u64(values.size());
    return add(std::as_bytes(values));
}

Digester& Digester::add_u64(std::uint64_t value) {
    return add(std::as_bytes(std::span(&value, 1)));
}

Digester& Digester::add_double(double value) {
    return add_u64(std::bit_cast<std::uint64_t>(value));
}

Digester& Digester::add(const Digest& value) {
    return add_u64(value.high).add_u64(value.low);
}

Digester& Digester::add(const Member& member) {
    add_u64(static_cast<std::uint64_t>(static_cast<std::int64_t>(member.order)));
    add(std::as_bytes(std::span(member.id.bytes)));
    return add_u64(member.incarnation.value());
}

Digest Digester::finish() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(m_state->xxh.get());
    return {hash.high64, hash.low64};
}

}  // namespace dynavg::protocol
