#include "peer/write_queue.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::peer {

using protocol::Instant;
using protocol::KnownPeers;
using protocol::LocalRecord;
using protocol::PreparedRecord;
using protocol::Promise;

namespace {

constexpr Instant kAtOnce = Instant::min();

struct KindOf {
    WriteKind operator()(const Commit&) const { return WriteKind::reference; }
    WriteKind operator()(const Promise&) const { return WriteKind::promise; }
    WriteKind operator()(const PreparedRecord&) const { return WriteKind::prepared; }
    WriteKind operator()(const CopyTraining&) const { return WriteKind::copy_of_training; }
    WriteKind operator()(const LocalRecord&) const { return WriteKind::training; }
    WriteKind operator()(const KnownPeers&) const { return WriteKind::known_peers; }
};

struct WriteTo {
    storage::CheckpointStore& store;

    Expected<void, Error> operator()(const Commit& commit) const {
        return store.commit(*commit.reference, commit.history);
    }
    Expected<void, Error> operator()(const CopyTraining&) const {
        DYNAVG_CHECK(false);
        return {};
    }
    template <class Record>
    Expected<void, Error> operator()(const Record& record) const {
        return store.write(record);
    }
};

}  // namespace

WriteKind kind_of(const Write& write) {
    return std::visit(KindOf(), write);
}

std::string_view name_of(WriteKind kind) {
    switch (kind) {
        case WriteKind::reference:
            return "reference";
        case WriteKind::promise:
            return "promise";
        case WriteKind::prepared:
            return "prepared value";
        case WriteKind::copy_of_training:
        case WriteKind::training:
            return "local training";
        case WriteKind::known_peers:
            return "list of known peers";
    }
    return "unknown";
}

Expected<void, Error> write_to(storage::CheckpointStore& store, const Write& write) {
    return std::visit(WriteTo{store}, write);
}

void WriteQueue::put(Write write) {
    if (const auto* commit = std::get_if<Commit>(&write)) {
        m_last_reference = commit->reference->epoch;
    }
    Place& place = place_of(kind_of(write));
    place = Waiting{std::move(write), kAtOnce};
    drop_prepared_if_old();
}

void WriteQueue::failed(Write write, Instant now) {
    Place& place = place_of(kind_of(write));
    // A newer one that has taken its place waits as long: it goes to the same disk.
    if (!place) place = Waiting{std::move(write), {}};
    place->due = now + kRetryInterval;
    drop_prepared_if_old();
}

void WriteQueue::drop_prepared_if_old() {
    Place& place = place_of(WriteKind::prepared);
    if (!place) return;
    if (std::get<PreparedRecord>(place->write).value->epoch <= m_last_reference) place.reset();
}

std::optional<Write> WriteQueue::take(Instant now) {
    const Place& reference = place_of(WriteKind::reference);
    if (reference && reference->due > now) return std::nullopt;
    const auto found = std::find_if(m_waiting.begin(), m_waiting.end(), [now](const Place& place) {
        return place && place->due <= now;
    });
    if (found == m_waiting.end()) return std::nullopt;
    return std::exchange(*found, std::nullopt)->write;
}

std::optional<Instant> WriteQueue::due() const {
    if (const Place& reference = place_of(WriteKind::reference)) return reference->due;
    std::optional<Instant> first;
    for (const Place& place : m_waiting) {
        if (place && (!first || place->due < *first)) first = place->due;
    }
    return first;
}

std::vector<Write> WriteQueue::take_rest() {
    place_of(WriteKind::copy_of_training).reset();
    std::vector<Write> rest;
    for (Place& place : m_waiting) {
        if (place) rest.push_back(std::move(std::exchange(place, std::nullopt)->write));
    }
    return rest;
}

}  // namespace dynavg::peer
