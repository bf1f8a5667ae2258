#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "protocol/wire/durable_codec.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/names.hpp"

// Reading what is on disk: nothing in it is believed before its digest is right, and no damage ends
// the process.

namespace dynavg::storage {

using protocol::Epoch;
using protocol::Event;
using protocol::Level;

namespace {

/// Bytes of a file beside its arrays, generously.
constexpr std::size_t kHeadBytesMax = 64 * 1024;
/// An optimizer keeps a few numbers for each parameter.
constexpr std::size_t kOptimizerBytesPerValueMax = 64;
/// More than limits::kPeersMax addresses take.
constexpr std::size_t kPeersBytesMax = 512 * 1024;
constexpr std::size_t kHistoryBytesMax =
    protocol::limits::kHistoryEpochsMax *
    (64 + (protocol::limits::kRosterMembersMax + protocol::limits::kLeavingMax) * 40);

/// Reads the parts of a payload one after the other; empty from the first that is not there.
class PartReader {
public:
    explicit PartReader(std::span<const std::byte> bytes) : m_rest(bytes) {}

    [[nodiscard]] std::span<const std::byte> take(std::uint64_t bytes) {
        if (bytes > m_rest.size()) m_ok = false;
        if (!m_ok) return {};
        const auto part = m_rest.first(bytes);
        m_rest = m_rest.subspan(bytes);
        return part;
    }
    /// A part that is preceded by its size.
    [[nodiscard]] std::span<const std::byte> take_head() {
        std::uint64_t size = 0;
        const auto number = take(sizeof size);
        if (m_ok) std::memcpy(&size, number.data(), sizeof size);
        return take(size);
    }
    [[nodiscard]] std::vector<float> take_values(std::uint64_t count) {
        if (count > m_rest.size() / sizeof(float)) m_ok = false;
        const auto part = take(m_ok ? count * sizeof(float) : 0);
        std::vector<float> values(part.size() / sizeof(float));
        if (!values.empty()) std::memcpy(values.data(), part.data(), part.size());
        return values;
    }
    [[nodiscard]] std::span<const std::byte> rest() const { return m_rest; }
    [[nodiscard]] bool ok() const { return m_ok; }

private:
    std::span<const std::byte> m_rest;
    bool m_ok = true;
};

bool is_empty(std::span<const std::byte> slot) {
    return std::all_of(slot.begin(), slot.end(), [](std::byte b) { return b == std::byte{0}; });
}

struct StoredValue {
    protocol::wire::ReferenceHead head;
    protocol::ReferencePointer value;
};

Expected<StoredValue, Error> read_value(std::span<const std::byte> payload,
                                        protocol::ReferenceShape shape) {
    PartReader reader(payload);
    auto head = protocol::wire::decode_reference_head(reader.take_head());
    if (!head) return Unexpected<Error>(std::move(head.error()));
    auto value =
        protocol::decode_reference(reader.rest(), shape, {head->epoch, head->prepared.digest});
    if (!value) return Unexpected<Error>(std::move(value.error()));
    return StoredValue{std::move(*head), std::move(*value)};
}

Expected<protocol::LocalRecord, Error> read_local(std::span<const std::byte> payload,
                                                  protocol::ReferenceShape shape) {
    PartReader reader(payload);
    const auto head = protocol::wire::decode_local_head(reader.take_head());
    if (!head) return Unexpected<Error>(head.error());
    const std::uint64_t frozen_values = head->frozen_for ? shape.parameters : 0;
    if (head->drift_values != shape.parameters || head->buffer_values != shape.buffers ||
        head->frozen_values != frozen_values) {
        return fail("its arrays do not have the sizes of this model");
    }
    protocol::LocalRecord record;
    record.incarnation = head->incarnation;
    record.reference = head->reference;
    record.steps = head->steps;
    record.steps_since_reference = head->steps_since_reference;
    record.frozen_for = head->frozen_for;
    record.frozen_steps = head->frozen_steps;
    record.drift = reader.take_values(head->drift_values);
    record.buffers = reader.take_values(head->buffer_values);
    record.frozen_drift = reader.take_values(head->frozen_values);
    const auto optimizer = reader.take(head->optimizer_bytes);
    if (!reader.ok() || !reader.rest().empty()) return fail("its parts do not fill it");
    record.optimizer.assign(optimizer.begin(), optimizer.end());
    return record;
}

}  // namespace

/// The records that one load() gathers.
struct CheckpointStore::Loading {
    Found found;
    std::vector<std::string> names;
    /// Of the reference that was found; the history's last entry if that is lost.
    protocol::HistoryEntry own_entry;

    [[nodiscard]] bool has(const std::string& name) const {
        return std::binary_search(names.begin(), names.end(), name);
    }
    void damaged(const std::string& path, const std::string& reason) {
        found.events.push_back(
            Event("checkpoint_damaged", Level::warning,
                  fmt::format("{} cannot be used: {}; the file before it is used instead; look at "
                              "the disk",
                              path, reason))
                .with("path", path)
                .with("reason", reason));
    }
    /// False: the file is of no use.
    bool accept(const Expected<OpenedFile, Refusal>& file, const std::string& path) {
        if (file) return true;
        if (file.error().why == Refusal::Why::damaged) {
            damaged(path, file.error().reason);
        } else if (!found.refused) {
            found.refused = Error{fmt::format(
                "{} cannot be used: {}; set node.state_dir to another folder, or undo the change, "
                "or move this folder away if what was learned there is no longer needed",
                path, file.error().reason)};
        }
        return false;
    }
};

std::size_t CheckpointStore::bytes_max() const {
    return kHeadBytesMax + m_shape.values() * kOptimizerBytesPerValueMax;
}

Found CheckpointStore::load() {
    Loading loading;
    loading.names = m_disk.list();
    load_references(loading);
    load_history(loading);
    load_promise(loading);
    load_prepared(loading);
    load_local(loading);
    load_peers(loading);
    Found found = std::move(loading.found);
    found.forgot = found.forgot || found.fell_back;
    return found;
}

Found CheckpointStore::load_reference() {
    Loading loading;
    loading.names = m_disk.list();
    load_references(loading);
    return std::move(loading.found);
}

void CheckpointStore::load_references(Loading& loading) {
    auto epochs = numbers_of<Epoch::rep>(m_disk, kReferencePrefix);
    std::reverse(epochs.begin(), epochs.end());
    for (const auto epoch : epochs) {
        const std::string name = reference_name(Epoch(epoch));
        const std::string path = m_disk.path_of(name);
        const auto bytes = m_disk.read(name, bytes_max());
        if (!bytes) {
            loading.damaged(path, bytes.error().message);
            loading.found.fell_back = true;
            continue;
        }
        const auto file = open_file(*bytes, FileKind::reference, m_network);
        if (!loading.accept(file, path)) {
            loading.found.fell_back = true;
            continue;
        }
        auto stored = read_value(file->payload, m_shape);
        if (!stored || stored->head.epoch != Epoch(epoch)) {
            loading.damaged(path, stored ? "it is of another epoch" : stored.error().message);
            loading.found.fell_back = true;
            continue;
        }
        const auto& prepared = stored->head.prepared;
        loading.own_entry = {stored->value->id, prepared.roster, prepared.leaving};
        loading.found.reference = std::move(stored->value);
        m_reference = loading.found.reference->id;
        loading.found.events.push_back(
            Event("checkpoint_loaded", Level::info,
                  fmt::format("reference {} was found in {}", epoch, path))
                .with("path", path)
                .with("digest", m_reference->digest.hex()));
        return;
    }
}

void CheckpointStore::load_history(Loading& loading) {
    Found& found = loading.found;
    if (!found.reference) return;
    found.history = {loading.own_entry};
    const std::string path = m_disk.path_of(kHistoryName);
    if (!loading.has(kHistoryName)) return loading.damaged(path, "it is not there");
    const auto bytes = m_disk.read(kHistoryName, kHistoryBytesMax);
    if (!bytes) return loading.damaged(path, bytes.error().message);
    const auto file = open_file(*bytes, FileKind::history, m_network);
    if (!loading.accept(file, path)) return;
    auto entries = protocol::wire::decode_history(file->payload);
    if (!entries) return loading.damaged(path, entries.error().message);
    const protocol::ReferenceId& newest = found.reference->id;
    std::erase_if(*entries, [&](const auto& one) { return one.reference.epoch > newest.epoch; });
    // It may be of a past that was about to replace this one.
    if (entries->empty() || entries->back().reference != newest) return;
    found.history = std::move(*entries);
}

void CheckpointStore::load_promise(Loading& loading) {
    Found& found = loading.found;
    const std::string path = m_disk.path_of(kPromiseName);
    if (!loading.has(kPromiseName)) {
        found.forgot = found.reference != nullptr && found.reference->epoch > Epoch(0);
        if (found.forgot) loading.damaged(path, "it is not there");
        const Bytes empty(2 * kPromiseSlotBytes);
        const std::array<std::span<const std::byte>, 1> parts{empty};
        m_has_promise_slots = m_disk.write(kPromiseName, parts).has_value();
        return;
    }
    const auto bytes = m_disk.read(kPromiseName, 2 * kPromiseSlotBytes);
    m_has_promise_slots = bytes && bytes->size() == 2 * kPromiseSlotBytes;
    if (!m_has_promise_slots) {
        found.forgot = true;
        return loading.damaged(path, bytes ? "it was cut short" : bytes.error().message);
    }
    bool second_is_damaged = false;
    for (const std::size_t offset : {std::size_t{0}, kPromiseSlotBytes}) {
        const auto slot = std::span(*bytes).subspan(offset, kPromiseSlotBytes);
        if (is_empty(slot)) continue;
        const auto file = open_file(slot, FileKind::promise, m_network, Trailing::any);
        const std::string where = fmt::format("{} (copy {})", path, offset == 0 ? 1 : 2);
        second_is_damaged = !loading.accept(file, where) && offset > 0;
        if (!file || file->sequence <= m_promise_sequence) continue;
        auto promise = protocol::wire::decode_promise(file->payload);
        if (!promise) {
            loading.damaged(where, promise.error().message);
            continue;
        }
        found.promise = std::move(*promise);
        m_promise_sequence = file->sequence;
    }
    // The first copy alone is damaged by a crash within the very first promise, which nobody heard.
    if (!found.promise && second_is_damaged) found.forgot = true;
}

void CheckpointStore::load_prepared(Loading& loading) {
    Found& found = loading.found;
    if (!loading.has(kPreparedName)) return;
    const std::string path = m_disk.path_of(kPreparedName);
    const auto refuse = [&](const std::string& reason) {
        loading.damaged(path, reason);
        found.forgot = true;
    };
    const auto bytes = m_disk.read(kPreparedName, bytes_max());
    if (!bytes) return refuse(bytes.error().message);
    const auto file = open_file(*bytes, FileKind::reference, m_network);
    if (!loading.accept(file, path)) {
        found.forgot = true;
        return;
    }
    auto stored = read_value(file->payload, m_shape);
    if (!stored) return refuse(stored.error().message);
    m_prepared = stored->value->id;
    if (found.reference && stored->value->epoch <= found.reference->epoch) return;
    found.prepared = {std::move(stored->head.prepared), std::move(stored->value)};
}

void CheckpointStore::load_local(Loading& loading) {
    auto numbers = numbers_of<std::uint64_t>(m_disk, kLocalPrefix);
    std::reverse(numbers.begin(), numbers.end());
    for (const std::uint64_t number : numbers) {
        const std::string name = local_name(number);
        const std::string path = m_disk.path_of(name);
        const auto bytes = m_disk.read(name, bytes_max());
        if (!bytes) {
            loading.damaged(path, bytes.error().message);
            continue;
        }
        const auto file = open_file(*bytes, FileKind::local, m_network);
        if (!loading.accept(file, path)) continue;
        auto record = read_local(file->payload, m_shape);
        if (!record) {
            loading.damaged(path, record.error().message);
            continue;
        }
        m_local_sequence = number;
        loading.found.events.push_back(
            Event(
                "checkpoint_loaded", Level::info,
                fmt::format("local training was found in {}, after {} steps", path, record->steps))
                .with("path", path)
                .with("digest", record->reference.digest.hex())
                .with("steps", record->steps));
        loading.found.local = std::move(*record);
        return;
    }
}

/// Damage costs a wait for the seeds at most.
void CheckpointStore::load_peers(Loading& loading) {
    if (!loading.has(kPeersName)) return;
    const std::string path = peers_path();
    const auto bytes = m_disk.read(kPeersName, kPeersBytesMax);
    if (!bytes) return loading.damaged(path, bytes.error().message);
    const auto file = open_file(*bytes, FileKind::peers, m_network);
    if (!loading.accept(file, path)) return;
    auto known = protocol::wire::decode_known_peers(file->payload);
    if (!known) return loading.damaged(path, known.error().message);
    loading.found.known_peers = std::move(*known);
}

}  // namespace dynavg::storage
