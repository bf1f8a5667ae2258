#include "storage/checkpoint_store.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/wire/durable_codec.hpp"
#include "storage/names.hpp"

namespace dynavg::storage {

using protocol::Epoch;

namespace {

static_assert(kFileHeaderBytes + protocol::wire::kPromiseBytesMax <= kPromiseSlotBytes);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

}  // namespace

protocol::Digest digest_of(const protocol::NetworkFields& fields) {
    protocol::Digester digester;
    for (const auto& [name, text] : fields) {
        digester.add(std::string_view(name)).add(std::string_view(text));
    }
    return digester.finish();
}

CheckpointStore::CheckpointStore(Disk& disk, protocol::ReferenceShape shape,
                                 protocol::Digest network)
    : m_disk(disk), m_shape(shape), m_network(network) {}

Expected<void, Error> CheckpointStore::write_file(const std::string& name, FileKind kind,
                                                  std::uint64_t sequence, const Parts& payload) {
    const auto header = make_file_header(kind, m_network, sequence, payload);
    Parts parts{header};
    parts.insert(parts.end(), payload.begin(), payload.end());
    while (true) {
        auto written = m_disk.write(name, parts);
        if (written || !m_disk.is_full() || kind == FileKind::peers) return written;
        if (!make_room()) return written;
    }
}

bool CheckpointStore::make_room() {
    for (const auto epoch : numbers_of<Epoch::rep>(m_disk, kReferencePrefix)) {
        if (!m_reference || m_reference->epoch.value() == epoch) continue;
        return m_disk.remove(reference_name(Epoch(epoch))).has_value();
    }
    for (const auto number : numbers_of<std::uint64_t>(m_disk, kLocalPrefix)) {
        if (m_local_sequence == 0 || m_local_sequence == number) continue;
        return m_disk.remove(local_name(number)).has_value();
    }
    return false;
}

// --- promise ----------------------------------------------------------------------------------

Expected<void, Error> CheckpointStore::write(const protocol::Promise& promise) {
    const Bytes payload = protocol::wire::encode(promise);
    const std::uint64_t sequence = m_promise_sequence + 1;
    const auto header = make_file_header(FileKind::promise, m_network, sequence, {payload});
    Bytes slot(header.begin(), header.end());
    slot.insert(slot.end(), payload.begin(), payload.end());
    DYNAVG_CHECK(slot.size() <= kPromiseSlotBytes);
    return write_promise_slots(slot, sequence);
}

Expected<void, Error> CheckpointStore::write_promise_slots(const Bytes& slot,
                                                           std::uint64_t sequence) {
    if (m_has_promise_slots) {
        for (const std::size_t offset : {std::size_t{0}, kPromiseSlotBytes}) {
            if (auto done = m_disk.overwrite(kPromiseName, offset, slot); !done) return done;
        }
    } else {
        Bytes both(2 * kPromiseSlotBytes);
        std::copy(slot.begin(), slot.end(), both.begin());
        std::copy(slot.begin(), slot.end(), both.begin() + kPromiseSlotBytes);
        const std::array<std::span<const std::byte>, 1> parts{both};
        while (true) {
            auto written = m_disk.write(kPromiseName, parts);
            if (written) break;
            if (!m_disk.is_full() || !make_room()) return written;
        }
        m_has_promise_slots = true;
    }
    m_promise_sequence = sequence;
    return {};
}

// --- values -----------------------------------------------------------------------------------

Expected<void, Error> CheckpointStore::write_value(const std::string& name,
                                                   const protocol::Prepared& prepared,
                                                   const protocol::Reference& value) {
    const Bytes head = protocol::wire::encode(protocol::wire::ReferenceHead{value.epoch, prepared});
    const auto head_bytes = static_cast<std::uint64_t>(head.size());
    const Bytes body = protocol::encode_reference(value);
    return write_file(name, FileKind::reference, 0, {bytes_of(head_bytes), head, body});
}

Expected<void, Error> CheckpointStore::write(const protocol::PreparedRecord& record) {
    auto written = write_value(kPreparedName, record.prepared, *record.value);
    if (written) m_prepared = record.value->id;
    return written;
}

Expected<void, Error> CheckpointStore::commit(const protocol::Reference& reference,
                                              const std::vector<protocol::HistoryEntry>& history) {
    DYNAVG_CHECK(!history.empty() && history.back().reference == reference.id);
    const Bytes entries = protocol::wire::encode(std::span(history));
    if (auto done = write_file(kHistoryName, FileKind::history, 0, {entries}); !done) return done;
    const std::string name = reference_name(reference.epoch);
    if (m_reference != reference.id) {
        const bool renamed =
            m_prepared == reference.id && m_disk.rename(kPreparedName, name).has_value();
        if (!renamed) {
            protocol::Prepared adopted;
            adopted.digest = reference.id.digest;
            adopted.roster = history.back().roster;
            adopted.leaving = history.back().leaving;
            if (auto done = write_value(name, adopted, reference); !done) return done;
        }
        if (renamed) m_prepared.reset();
        m_reference = reference.id;
    }
    if (m_prepared && m_prepared->epoch <= reference.epoch) {
        if (auto done = m_disk.remove(kPreparedName); !done) return done;
        m_prepared.reset();
    }
    return remove_old_references(reference.epoch);
}

Expected<void, Error> CheckpointStore::remove_old_references(Epoch newest) {
    const auto epochs = numbers_of<Epoch::rep>(m_disk, kReferencePrefix);
    const auto end = std::upper_bound(epochs.begin(), epochs.end(), newest.value());
    const auto kept = std::min<std::ptrdiff_t>(end - epochs.begin(), kReferencesKept);
    for (auto epoch = epochs.begin(); epoch != epochs.end(); ++epoch) {
        if (epoch >= end - kept && epoch < end) continue;
        if (auto done = m_disk.remove(reference_name(Epoch(*epoch))); !done) return done;
    }
    return {};
}

std::string CheckpointStore::promise_path() const {
    return m_promise_sequence > 0 ? m_disk.path_of(kPromiseName) : std::string();
}

std::string CheckpointStore::prepared_path() const {
    return m_prepared ? m_disk.path_of(kPreparedName) : std::string();
}

std::string CheckpointStore::reference_path() const {
    return m_reference ? m_disk.path_of(reference_name(m_reference->epoch)) : std::string();
}

// --- local training ---------------------------------------------------------------------------

Expected<void, Error> CheckpointStore::write(const protocol::LocalRecord& record) {
    protocol::wire::LocalHead facts;
    facts.incarnation = record.incarnation;
    facts.reference = record.reference;
    facts.steps = record.steps;
    facts.steps_since_reference = record.steps_since_reference;
    facts.frozen_for = record.frozen_for;
    facts.frozen_steps = record.frozen_steps;
    facts.drift_values = record.drift.size();
    facts.buffer_values = record.buffers.size();
    facts.frozen_values = record.frozen_drift.size();
    facts.optimizer_bytes = record.optimizer.size();
    const Bytes head = protocol::wire::encode(facts);
    const auto head_bytes = static_cast<std::uint64_t>(head.size());
    const std::uint64_t sequence = m_local_sequence + 1;
    auto written = write_file(local_name(sequence), FileKind::local, sequence,
                              {bytes_of(head_bytes), head, std::as_bytes(std::span(record.drift)),
                               std::as_bytes(std::span(record.buffers)),
                               std::as_bytes(std::span(record.frozen_drift)), record.optimizer});
    if (!written) return written;
    m_local_sequence = sequence;
    for (const std::uint64_t number : numbers_of<std::uint64_t>(m_disk, kLocalPrefix)) {
        if (number + kLocalsKept > sequence && number <= sequence) continue;
        if (auto done = m_disk.remove(local_name(number)); !done) return done;
    }
    return {};
}

std::string CheckpointStore::local_path() const {
    return m_local_sequence > 0 ? m_disk.path_of(local_name(m_local_sequence)) : std::string();
}

// --- other peers ------------------------------------------------------------------------------

Expected<void, Error> CheckpointStore::write(const protocol::KnownPeers& known) {
    return write_file(kPeersName, FileKind::peers, 0, {protocol::wire::encode(known)});
}

std::string CheckpointStore::peers_path() const {
    return m_disk.path_of(kPeersName);
}

// --- whose folder it is -----------------------------------------------------------------------

std::optional<protocol::NetworkFields> CheckpointStore::owner_of(const Disk& disk) {
    constexpr std::size_t kBytesMax = 256 * 1024;
    const auto bytes = disk.read(kNetworkName, kBytesMax);
    if (!bytes) return std::nullopt;
    const auto file = open_file(*bytes, FileKind::network, {});
    if (!file) return std::nullopt;
    auto fields = protocol::wire::decode_network_fields(file->payload);
    if (!fields) return std::nullopt;
    return std::move(*fields);
}

Expected<void, Error> CheckpointStore::claim(Disk& disk, const protocol::NetworkFields& fields) {
    const auto owner = owner_of(disk);
    if (owner == fields) return {};
    if (!owner) {
        const Bytes payload = protocol::wire::encode(fields);
        const auto header = make_file_header(FileKind::network, {}, 0, {payload});
        const std::array<std::span<const std::byte>, 2> parts{header, payload};
        return disk.write(kNetworkName, parts);
    }
    std::string differences;
    const auto add = [&](const std::string& name, const std::string& there,
                         const std::string& here) {
        differences += fmt::format("{}{} is {} there and {} here", differences.empty() ? "" : ", ",
                                   name, there, here);
    };
    const auto text_of = [](const protocol::NetworkFields& all, const std::string& name) {
        const auto found = all.find(name);
        return found == all.end() ? std::string("missing") : found->second;
    };
    for (const auto& [name, there] : *owner) {
        if (const std::string here = text_of(fields, name); here != there) add(name, there, here);
    }
    for (const auto& [name, here] : fields) {
        if (!owner->contains(name)) add(name, "missing", here);
    }
    return fail(fmt::format(
        "the state folder {} holds the checkpoints of another network, model or node: {}; set "
        "node.state_dir to another folder, or undo the change, or move this folder away if what "
        "was learned there is no longer needed",
        disk.path_of(""), differences));
}

}  // namespace dynavg::storage
