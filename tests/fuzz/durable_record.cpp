#include "protocol/base/check.hpp"
#include "protocol/wire/durable_codec.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// The structured parts of the files in a state folder; the first byte chooses which. A value that
// is accepted stays the same through another encoding, and takes no more bytes.

namespace dynavg::fuzz {

namespace {

namespace wire = protocol::wire;

template <class Decode>
void there_and_back(std::span<const std::byte> bytes, Decode decode) {
    const auto value = decode(bytes);
    if (!value) {
        DYNAVG_CHECK(!value.error().message.empty());
        return;
    }
    const wire::Bytes encoded = wire::encode(*value);
    DYNAVG_CHECK(encoded.size() <= bytes.size());
    const auto again = decode(encoded);
    DYNAVG_CHECK(again && *again == *value);
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    const std::size_t which = in.below(6);
    const auto bytes = std::as_bytes(in.rest());
    switch (which) {
        case 0:
            return there_and_back(bytes, wire::decode_promise);
        case 1:
            return there_and_back(bytes, wire::decode_reference_head);
        case 2:
            return there_and_back(bytes, wire::decode_local_head);
        case 3:
            return there_and_back(bytes, wire::decode_network_fields);
        case 4:
            return there_and_back(bytes, wire::decode_known_peers);
        default:
            return there_and_back(bytes, wire::decode_history);
    }
}

}  // namespace dynavg::fuzz
