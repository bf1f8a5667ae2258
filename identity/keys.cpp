#include "identity/keys.hpp"

#include <sodium.h>

#include "protocol/base/check.hpp"

namespace dynavg::identity {

static_assert(kKeyBytes == crypto_box_PUBLICKEYBYTES);
static_assert(kKeyBytes == crypto_box_SECRETKEYBYTES);
static_assert(kKeyBytes == crypto_box_SEEDBYTES);

namespace {

using Bytes = std::array<std::uint8_t, kKeyBytes>;

/// Idempotent; without it libsodium has no source of randomness.
void initialise() {
    DYNAVG_CHECK(sodium_init() >= 0);
}

Identity take(const protocol::PeerId& id, Bytes& secret) {
    Identity identity{id, SecretKey(secret)};
    sodium_memzero(secret.data(), secret.size());
    return identity;
}

}  // namespace

SecretKey::~SecretKey() {
    sodium_memzero(m_bytes.data(), m_bytes.size());
}

Identity make_identity() {
    initialise();
    protocol::PeerId id;
    Bytes secret{};
    DYNAVG_CHECK(crypto_box_keypair(id.bytes.data(), secret.data()) == 0);
    return take(id, secret);
}

Identity identity_of(const SecretKey& secret) {
    initialise();
    Identity identity{{}, secret};
    DYNAVG_CHECK(crypto_scalarmult_base(identity.id.bytes.data(), secret.bytes().data()) == 0);
    return identity;
}

Identity identity_from_seed(const SecretKey& seed) {
    initialise();
    protocol::PeerId id;
    Bytes secret{};
    DYNAVG_CHECK(crypto_box_seed_keypair(id.bytes.data(), secret.data(), seed.bytes().data()) == 0);
    return take(id, secret);
}

}  // namespace dynavg::identity
