#pragma once

#include <string>
#include <vector>

#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "storage/checkpoint_store.hpp"
#include "tests/protocol/peers.hpp"
#include "tests/storage/memory_disk.hpp"

/// A small model, its references, and records of a peer that trains it.
namespace dynavg::storage {

using protocol::Attempt;
using protocol::Epoch;
using protocol::HistoryEntry;
using protocol::Incarnation;
using protocol::ReferencePointer;

inline constexpr protocol::ReferenceShape kShape{5, 2, true};
inline constexpr protocol::Digest kNetwork{7, 8};

inline ReferencePointer initial_reference() {
    static const ReferencePointer initial =
        protocol::make_initial_reference(kShape, {1, 2, 3, 4, 5, 6, 7}, 2.5, 11);
    return initial;
}

/// Its values are all of the epoch's number and what `tone` adds.
inline ReferencePointer reference_of(std::uint32_t epoch, float tone = 0) {
    if (epoch == 0) return initial_reference();
    const std::vector<float> mean(kShape.values(), static_cast<float>(epoch) + tone);
    return protocol::make_next_reference(*initial_reference(), Epoch(epoch), mean);
}

/// Epochs 0 to `last`, all with peers 1 to 3.
inline std::vector<HistoryEntry> history_to(std::uint32_t last) {
    std::vector<HistoryEntry> entries;
    for (std::uint32_t epoch = 0; epoch <= last; ++epoch) {
        HistoryEntry& entry = entries.emplace_back();
        entry.reference = reference_of(epoch)->id;
        if (epoch > 0) entry.roster = protocol::peers({1, 2, 3});
    }
    return entries;
}

inline protocol::Promise promise_of(std::uint32_t target, std::uint32_t attempt) {
    protocol::Promise promise;
    promise.incarnation = Incarnation(3);
    promise.remembers = Incarnation(2);
    promise.target = Epoch(target);
    promise.attempt = Attempt(attempt);
    promise.departed = {protocol::PeerId::from_name("gone")};
    return promise;
}

inline protocol::PreparedRecord prepared_of(const ReferencePointer& value) {
    protocol::PreparedRecord record;
    record.prepared.ballot = {Attempt(2), 4};
    record.prepared.digest = value->id.digest;
    record.prepared.roster = protocol::peers({1, 2});
    record.value = value;
    return record;
}

inline protocol::LocalRecord local_of(std::uint64_t steps) {
    protocol::LocalRecord record;
    record.incarnation = Incarnation(3);
    record.reference = reference_of(1)->id;
    record.steps = steps;
    record.steps_since_reference = 12;
    record.drift = {1, 2, 3, 4, 5};
    record.buffers = {8, 9};
    record.frozen_for = Epoch(2);
    record.frozen_steps = 10;
    record.frozen_drift = {1, 1, 1, 1, 1};
    record.optimizer = {std::byte{1}, std::byte{2}, std::byte{3}};
    return record;
}

inline CheckpointStore store_on(Disk& disk) {
    return CheckpointStore(disk, kShape, kNetwork);
}

inline std::size_t count_of(const std::vector<protocol::Event>& events, std::string_view name) {
    std::size_t count = 0;
    for (const protocol::Event& event : events) count += event.name == name ? 1U : 0U;
    return count;
}

/// Whether an event names this file.
inline bool names(const std::vector<protocol::Event>& events, std::string_view name,
                  const std::string& path) {
    for (const protocol::Event& event : events) {
        if (event.name == name && std::get<std::string>(*event.find("path")) == path) return true;
    }
    return false;
}

}  // namespace dynavg::storage
