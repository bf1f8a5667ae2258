#include "protocol/base/check.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/messages.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// Messages of a peer on any of its sockets. Each value has one form: a message that is accepted is
// encoded to the same bytes again.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    namespace wire = protocol::wire;
    const auto bytes = std::as_bytes(input);
    const auto envelope = wire::decode(bytes);
    if (!envelope) {
        DYNAVG_CHECK(!envelope.error().message.empty());
        return;
    }
    const wire::Bytes again = wire::encode(envelope->header, envelope->message);
    DYNAVG_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    DYNAVG_CHECK(!protocol::name_of(envelope->message).empty());
    (void)protocol::traffic_of(envelope->message);
    if (const auto* state = std::get_if<protocol::RoundState>(&envelope->message)) {
        (void)wire::digest_of(*state);
    }
}

}  // namespace dynavg::fuzz
