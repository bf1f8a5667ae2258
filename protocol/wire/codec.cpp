#include "protocol/wire/codec.hpp"

#include <array>
#include <concepts>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/digest.hpp"
#include "protocol/wire/coder.hpp"

namespace dynavg::protocol::wire {

namespace {

/// Version, kind and header: sizes a buffer once.
constexpr std::size_t kHeaderBytes = 31;

template <class T>
Message read_as(Decoder& decoder) {
    T message;
    fields(decoder, message);
    return message;
}

using ReadFunction = Message (*)(Decoder&);

/// A message's kind on the wire is its index in Message plus one: new ones go to the end.
template <std::size_t... kIndex>
constexpr auto make_readers(std::index_sequence<kIndex...> /*indices*/) {
    return std::array<ReadFunction, sizeof...(kIndex)>{
        &read_as<std::variant_alternative_t<kIndex, Message>>...};
}

constexpr auto kReaders = make_readers(std::make_index_sequence<std::variant_size_v<Message>>{});
constexpr std::uint8_t kStateKind = 2;
static_assert(std::same_as<std::variant_alternative_t<kStateKind - 1, Message>, StateMessage>);

void read(Decoder& decoder, std::size_t size, Envelope& envelope) {
    std::uint8_t kind = 0;
    decoder(envelope.version);
    ArchiveReader& archive = decoder.archive();
    if (!decoder.ok()) return;
    if (envelope.version < kProtocolVersionMin || envelope.version > kProtocolVersionMax) {
        return archive.refuse(
            fmt::format("protocol version {} is not spoken here (versions {} to {})",
                        envelope.version, kProtocolVersionMin, kProtocolVersionMax));
    }
    decoder(kind, envelope.header);
    if (!decoder.ok()) return;
    if (kind == 0 || kind > kReaders.size()) {
        return archive.refuse(fmt::format("message kind {} is unknown", kind));
    }
    if (kind != kStateKind && size > limits::kControlMessageBytesMax) {
        return archive.refuse(
            fmt::format("{} bytes are more than {}", size, limits::kControlMessageBytesMax));
    }
    envelope.message = kReaders[kind - std::size_t{1}](decoder);
    if (decoder.ok() && archive.left() > 0) {
        archive.refuse(fmt::format("{} bytes too many", archive.left()));
    }
}

std::size_t size_guess(const Message& message) {
    const auto* state = std::get_if<StateMessage>(&message);
    return state == nullptr ? 128 : kHeaderBytes + 8 + sizeof(float) * state->state.values.size();
}

}  // namespace

Bytes encode(const Header& header, const Message& message) {
    Bytes bytes;
    bytes.reserve(size_guess(message));
    Encoder encoder(bytes);
    encoder(kProtocolVersionMax, static_cast<std::uint8_t>(message.index() + 1), header);
    std::visit([&encoder](const auto& alternative) { encoder(alternative); }, message);
    return bytes;
}

Expected<Envelope, Error> decode(std::span<const std::byte> bytes) {
    // Every count is checked before it is used; only lack of memory is caught here.
    try {
        Envelope envelope;
        Decoder decoder(bytes);
        read(decoder, bytes.size(), envelope);
        if (!decoder.ok()) return fail("unreadable message: " + decoder.archive().error());
        return envelope;
    } catch (const std::exception& exception) {
        return fail(fmt::format("unreadable message: {}", exception.what()));
    }
}

Digest digest_of(const RoundState& state) {
    Bytes bytes;
    Encoder encoder(bytes);
    encoder(state);
    return Digester().add(std::span<const std::byte>(bytes)).finish();
}

}  // namespace dynavg::protocol::wire
