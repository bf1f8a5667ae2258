#include "protocol/wire/durable_codec.hpp"

#include <exception>
#include <utility>

#include "protocol/wire/coder.hpp"

namespace dynavg::protocol::wire {

namespace {

/// The roster is left out where it is that of the entry before.
struct StoredEntry {
    HistoryEntry entry;
    bool same_roster = false;
};
struct StoredHistory {
    std::vector<StoredEntry> entries;
};
struct StoredFields {
    NetworkFields fields;
};

}  // namespace

template <>
inline constexpr std::size_t kEncodedBytesMin<StoredEntry> = kEncodedBytesMin<HistoryEntry> + 1;

static_assert(limits::kRosterMembersMax * sizeof(PeerId) + 64 <= kPromiseBytesMax);

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Promise> value) {
    codec(value.incarnation, value.remembers, value.target, value.attempt);
    codec.set("departed", value.departed, limits::kRosterMembersMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ReferenceHead> value) {
    codec(value.epoch, value.prepared);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<LocalHead> value) {
    // An optional number is written as one that may be meaningless, to keep the codec small.
    Epoch frozen_for = value.frozen_for.value_or(Epoch(0));
    bool frozen = value.frozen_for.has_value();
    codec(value.incarnation, value.reference, value.steps, value.steps_since_reference, frozen,
          frozen_for, value.frozen_steps, value.drift_values, value.buffer_values,
          value.frozen_values, value.optimizer_bytes);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(value)>>) {
        value.frozen_for = frozen ? std::optional(frozen_for) : std::nullopt;
    }
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<KnownPeers> value) {
    codec.list("known_peers", value.peers, limits::kPeersMax);
}

namespace {

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<StoredEntry> value) {
    codec(value.entry, value.same_roster);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<StoredHistory> value) {
    codec.list("entries", value.entries, limits::kHistoryEpochsMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<StoredFields> value) {
    codec.text_map("fields", value.fields, limits::kNetworkFieldsMax);
}

template <class T>
Bytes encode_value(const T& value) {
    Bytes bytes;
    Encoder encoder(bytes);
    encoder(value);
    return bytes;
}

template <class T>
Expected<T, Error> decode_value(std::span<const std::byte> bytes) {
    // Every count is checked before it is used; only lack of memory is caught here.
    try {
        T value;
        Decoder decoder(bytes);
        decoder(value);
        if (decoder.ok() && decoder.archive().left() > 0) {
            decoder.archive().refuse(fmt::format("{} bytes too many", decoder.archive().left()));
        }
        if (!decoder.ok()) return fail(decoder.archive().error());
        return value;
    } catch (const std::exception& exception) {
        return fail(exception.what());
    }
}

}  // namespace

Bytes encode(const Promise& promise) {
    return encode_value(promise);
}

Bytes encode(const ReferenceHead& head) {
    return encode_value(head);
}

Bytes encode(const LocalHead& head) {
    return encode_value(head);
}

Bytes encode(const NetworkFields& fields) {
    return encode_value(StoredFields{fields});
}

Bytes encode(const KnownPeers& known) {
    return encode_value(known);
}

Bytes encode(std::span<const HistoryEntry> entries) {
    StoredHistory stored;
    const Roster* before = nullptr;
    for (const HistoryEntry& entry : entries) {
        StoredEntry& one = stored.entries.emplace_back(StoredEntry{entry, false});
        one.same_roster = before != nullptr && *before == entry.roster;
        if (one.same_roster) one.entry.roster.clear();
        before = &entry.roster;
    }
    return encode_value(stored);
}

Expected<Promise, Error> decode_promise(std::span<const std::byte> bytes) {
    return decode_value<Promise>(bytes);
}

Expected<ReferenceHead, Error> decode_reference_head(std::span<const std::byte> bytes) {
    return decode_value<ReferenceHead>(bytes);
}

Expected<LocalHead, Error> decode_local_head(std::span<const std::byte> bytes) {
    return decode_value<LocalHead>(bytes);
}

Expected<NetworkFields, Error> decode_network_fields(std::span<const std::byte> bytes) {
    auto stored = decode_value<StoredFields>(bytes);
    if (!stored) return Unexpected<Error>(std::move(stored.error()));
    return std::move(stored->fields);
}

Expected<KnownPeers, Error> decode_known_peers(std::span<const std::byte> bytes) {
    return decode_value<KnownPeers>(bytes);
}

Expected<std::vector<HistoryEntry>, Error> decode_history(std::span<const std::byte> bytes) {
    auto stored = decode_value<StoredHistory>(bytes);
    if (!stored) return Unexpected<Error>(std::move(stored.error()));
    std::vector<HistoryEntry> entries;
    entries.reserve(stored->entries.size());
    for (StoredEntry& one : stored->entries) {
        const bool first = entries.empty();
        if (!first && one.entry.reference.epoch <= entries.back().reference.epoch) {
            return fail("its epochs do not grow");
        }
        if (one.same_roster && first) return fail("its first entry has no roster");
        if (one.same_roster) one.entry.roster = entries.back().roster;
        entries.push_back(std::move(one.entry));
    }
    return entries;
}

}  // namespace dynavg::protocol::wire
