#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/durable_codec.hpp"
#include "storage/file_format.hpp"
#include "tests/fuzz/node_world.hpp"
#include "tests/protocol/wire/sample_messages.hpp"
#include "tests/storage/samples.hpp"

// Writes inputs in our own formats, from which the fuzzer starts: one folder per target. Each name
// ends up as <FOLDER>/<target>/seed-<name>; seeds of an older format are overwritten. Text formats
// have theirs by hand.

namespace dynavg::fuzz {

namespace {

namespace fs = std::filesystem;
namespace wire = protocol::wire;
using Bytes = std::vector<std::byte>;

/// An input, put together as input.hpp takes it apart.
class Output {
public:
    template <class T>
    Output& number(T value) {
        return raw(std::as_bytes(std::span(&value, 1)));
    }
    Output& byte(std::size_t value) { return number(static_cast<std::uint8_t>(value)); }
    Output& raw(std::span<const std::byte> bytes) {
        m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Output& piece(std::span<const std::byte> bytes) {
        return number(static_cast<std::uint16_t>(bytes.size())).raw(bytes);
    }
    [[nodiscard]] const Bytes& bytes() const { return m_bytes; }

private:
    Bytes m_bytes;
};

class Folder {
public:
    Folder(const fs::path& all, const std::string& target) : m_path(all / target) {
        fs::create_directories(m_path);
    }
    void write(const std::string& name, std::span<const std::byte> bytes) const {
        std::ofstream file(m_path / ("seed-" + name), std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
    }
    void write(const std::string& name, const Output& output) const {
        write(name, std::span(output.bytes()));
    }

private:
    fs::path m_path;
};

// --- messages ---------------------------------------------------------------------------------

std::vector<protocol::Message> short_messages() {
    std::vector<protocol::Message> messages;
    for (const protocol::Message& message : protocol::sample_messages()) {
        // A sketch of the usual size teaches the fuzzer nothing.
        if (wire::encode({}, message).size() < 2000) messages.push_back(message);
    }
    return messages;
}

void write_messages(const fs::path& all) {
    const Folder folder(all, "wire_message");
    int number = 0;
    for (const protocol::Message& message : short_messages()) {
        const std::string name =
            std::to_string(number++) + "-" + std::string(protocol::name_of(message));
        folder.write(name, wire::encode(protocol::sample_header(), message));
    }
}

void write_records(const fs::path& all) {
    const Folder folder(all, "durable_record");
    const protocol::PreparedRecord prepared = storage::prepared_of(storage::reference_of(2));
    const wire::LocalHead local{protocol::Incarnation(3),
                                storage::reference_of(1)->id,
                                9,
                                3,
                                protocol::Epoch(2),
                                2,
                                5,
                                2,
                                5,
                                3};
    const protocol::NetworkFields fields{{"averaging.monitor", "linear"}, {"network", "home"}};
    const protocol::KnownPeers known{{{protocol::peer(1).id, "a:1"}}};
    const auto history = storage::history_to(3);
    const std::array<Bytes, 6> records{
        wire::encode(storage::promise_of(2, 1)),
        wire::encode(wire::ReferenceHead{protocol::Epoch(2), prepared.prepared}),
        wire::encode(local),
        wire::encode(fields),
        wire::encode(known),
        wire::encode(std::span(history))};
    for (std::size_t i = 0; i < records.size(); ++i) {
        folder.write(std::to_string(i), Output().byte(i).raw(records[i]));
    }
}

// --- state folders ----------------------------------------------------------------------------

/// Numbers of the files in state_folder.cpp.
constexpr std::array<std::string_view, 10> kFiles{
    "network",     "promise", "prepared", "reference-0", "reference-1",
    "reference-2", "history", "local-1",  "local-2",     "peers"};

void write_state_folders(const fs::path& all) {
    const Folder folder(all, "state_folder");
    storage::MemoryDisk disk;
    auto store = storage::store_on(disk);
    (void)storage::CheckpointStore::claim(disk, {{"network", "home"}});
    (void)store.load();
    (void)store.commit(*storage::reference_of(0), storage::history_to(0));
    (void)store.commit(*storage::reference_of(1), storage::history_to(1));
    (void)store.write(storage::local_of(20));
    (void)store.write(storage::promise_of(2, 1));
    (void)store.write(storage::prepared_of(storage::reference_of(2)));
    (void)store.write(protocol::KnownPeers{{{protocol::peer(1).id, "a:1"}}});
    Output raw;
    Output sealed;
    for (std::size_t i = 0; i < kFiles.size(); ++i) {
        const auto file = disk.files.find(std::string(kFiles[i]));
        if (file == disk.files.end()) continue;
        const std::span<const std::byte> bytes(file->second);
        std::uint64_t size = 0;
        std::memcpy(&size, bytes.data() + 40, sizeof size);
        const auto payload = bytes.subspan(storage::kFileHeaderBytes, size);
        const bool is_promise = kFiles[i] == "promise";
        sealed.byte(i).byte(is_promise ? 2 : 1).piece(payload);
        // The promise's slots are long, and nearly empty.
        raw.byte(i).byte(is_promise ? 2 : 0).piece(is_promise ? payload : bytes);
    }
    folder.write("raw", raw);
    folder.write("sealed", sealed);
}

// --- exchange ---------------------------------------------------------------------------------

/// A member's contribution of `values` floats, as step 1 of exchange.cpp reads it.
void add_contribution(Output& out, std::size_t from, std::size_t values, float squared_norm) {
    out.byte(1).byte(from).byte(0).byte(0).byte(1).byte(0);
    out.number(std::uint64_t{3}).number(1.0F).number(squared_norm);
    out.byte(values * sizeof(float));
    for (std::size_t i = 0; i < values; ++i) out.number(0.75F);
}

void add_mean(Output& out, std::size_t from, std::size_t values) {
    out.byte(1).byte(from).byte(1).byte(0).byte(from).byte(0);
    out.number(std::uint64_t{0}).number(0.0F).number(0.0F);
    out.byte(values * sizeof(float));
    for (std::size_t i = 0; i < values; ++i) out.number(0.75F);
}

void write_exchanges(const fs::path& all) {
    const Folder folder(all, "exchange");
    // Values of each shape, in three shards.
    constexpr std::array<std::array<std::size_t, 3>, 4> kShards{
        {{1, 1, 0}, {4, 4, 3}, {2, 2, 2}, {2, 2, 2}}};
    for (std::size_t shape = 0; shape < kShards.size(); ++shape) {
        for (const std::size_t merge : {0U, 3U}) {
            Output out;
            out.byte(shape).byte(1).byte(0).byte(merge);
            // Asks for what this peer gives: of its contribution, of its mean.
            out.byte(3).byte(0).byte(0).byte(0).byte(0).byte(0).byte(0);
            out.byte(3).byte(2).byte(1).byte(0).byte(1).byte(0).byte(0);
            for (const std::size_t from : {0U, 2U}) {
                add_contribution(out, from, kShards[shape][1], 2);
                add_mean(out, from, kShards[shape][from]);
            }
            out.byte(4).number(std::uint16_t{600});
            folder.write("shape-" + std::to_string(shape) + (merge == 0 ? "" : "-merge"), out);
        }
    }
    Output out;
    out.byte(1).byte(0).byte(0).byte(0);
    const protocol::Chunk chunk{{protocol::TransferKind::reference, {4, 0}, 0}, 0, {}};
    out.byte(6).byte(4).byte(0).byte(2);
    out.byte(0).byte(2).piece(wire::encode({}, chunk)).piece(Bytes(96));
    folder.write("pull", out);
}

// --- node -------------------------------------------------------------------------------------

protocol::RoundState round_of_all() {
    protocol::RoundState state;
    state.target = protocol::Epoch(1);
    state.attempt = protocol::Attempt(1);
    state.reference = initial_reference(false)->id;
    state.evidence.estimate = 2;
    state.evidence.threshold = 1;
    for (const int node : {0, 1, 2}) state.sets.candidates.push_back(node_options(node).self);
    state.remembers = protocol::Incarnation(1);
    return state;
}

/// The messages that a node would hear in its first round, and those that end the round.
void write_nodes(const fs::path& all) {
    const Folder folder(all, "node");
    const auto aloud = [](Output& out, std::size_t peer, const protocol::Message& message) {
        out.byte(3).byte(peer - 1).byte(0).piece(wire::encode({}, message));
    };
    for (std::size_t monitor = 0; monitor < 5; ++monitor) {
        for (const std::size_t pace : {0U, 1U}) {
            Output out;
            out.byte(monitor).byte(pace).byte(0);
            protocol::Heartbeat heartbeat;
            heartbeat.incarnation = protocol::Incarnation(1);
            heartbeat.remembers = protocol::Incarnation(1);
            heartbeat.reference_digest = initial_reference(monitor == 1)->id.digest;
            heartbeat.position = protocol::LockstepPosition::in_step;
            for (const int peer : {1, 2}) {
                heartbeat.order = peer;
                heartbeat.address = address_of(peer);
                aloud(out, static_cast<std::size_t>(peer), heartbeat);
            }
            out.byte(7).byte(255);
            protocol::RoundState state = round_of_all();
            state.reference = initial_reference(monitor == 1)->id;
            for (const std::size_t peer : {1U, 2U}) {
                aloud(out, peer, protocol::StateMessage{1, {8, {}}});
                aloud(out, peer, state);
            }
            out.byte(8).byte(5);
            out.byte(6).number(std::uint16_t{700});
            folder.write("round-" + std::to_string(monitor) + "-" + std::to_string(pace), out);
        }
    }
    int number = 0;
    for (const protocol::Message& message : short_messages()) {
        Output out;
        out.byte(0).byte(0).byte(0);
        out.byte(number % 2 == 0 ? 3 : 5).byte(0).byte(0).piece(wire::encode({}, message));
        out.byte(7).byte(64);
        out.byte(6).number(std::uint16_t{9000});
        folder.write("message-" + std::to_string(number++), out);
    }
    Output stranger;
    stranger.byte(0).byte(0).byte(0);
    stranger.byte(1).byte(3).piece(wire::encode({}, hello_of(3)));
    stranger.byte(2).byte(3).piece(wire::encode({}, protocol::HelloReply{hello_of(3), {}, {}}));
    folder.write("stranger", stranger);
}

// --- data sets --------------------------------------------------------------------------------

Bytes packed(const Bytes& plain) {
    z_stream stream{};
    constexpr int kGzip = 16;
    deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY);
    Bytes out(deflateBound(&stream, plain.size()));
    Bytes in = plain;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

void write_data(const fs::path& all) {
    const Folder idx(all, "idx");
    const auto big_endian = [](Output& out, std::uint32_t word) {
        for (const unsigned shift : {24U, 16U, 8U, 0U}) out.byte((word >> shift) & 0xFFU);
    };
    Output images;
    for (const std::uint32_t word : {0x803U, 3U, 2U, 4U}) big_endian(images, word);
    for (std::size_t i = 0; i < 24; ++i) images.byte(10 * i);
    Output labels;
    for (const std::uint32_t word : {0x801U, 3U}) big_endian(labels, word);
    for (const std::size_t label : {7U, 0U, 9U}) labels.byte(label);
    idx.write("plain", Output().piece(images.bytes()).raw(labels.bytes()));
    idx.write("gzip", Output().piece(packed(images.bytes())).raw(packed(labels.bytes())));

    const Folder cifar10(all, "cifar10");
    Output batch;
    for (const std::size_t label : {3U, 9U}) {
        batch.byte(label);
        for (std::size_t i = 0; i < 3072; ++i) batch.byte(i / 64);
    }
    cifar10.write("plain", batch);
    cifar10.write("gzip", packed(batch.bytes()));
}

}  // namespace

}  // namespace dynavg::fuzz

int main(int argc, char** argv) {
    if (argc != 2 || argv[1][0] == '-') {
        std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
        return 2;
    }
    using namespace dynavg::fuzz;
    const fs::path all = argv[1];
    write_messages(all);
    write_records(all);
    write_state_folders(all);
    write_exchanges(all);
    write_nodes(all);
    write_data(all);
    return 0;
}
