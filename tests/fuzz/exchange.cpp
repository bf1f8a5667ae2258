#include "protocol/exchange/exchange.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "protocol/base/check.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/protocol/peers.hpp"

// Bulk frames of the other members, true or not, in any order, while this peer averages with them,
// serves its reference and pulls another. The first bytes choose model and rules; each further step
// is one call. Nothing that others send makes a reference that cannot be pulled, blames this peer,
// or costs more memory than there are members.

namespace dynavg::fuzz {

namespace {

using namespace protocol;
using namespace std::chrono_literals;

constexpr int kMembers = 3;
constexpr int kSelf = 1;
constexpr std::size_t kBufferedMax = kMembers * limits::kChunksInFlightMax * limits::kChunkBytes;

/// Fewer values than members, so that a shard is empty; one outer vector; two; none.
constexpr std::array kShapes{ReferenceShape{2, 0, false, 0}, ReferenceShape{9, 2, true, 1},
                             ReferenceShape{5, 1, true, 2}, ReferenceShape{6, 0, true, 0}};

OuterRules rules_of(const ReferenceShape& shape, Input& in) {
    OuterRules rules;
    if (shape.outer_vectors == 1) rules.optimizer.kind = OuterKind::momentum;
    if (shape.outer_vectors == 2) rules.optimizer.kind = OuterKind::adam;
    if (in.below(2) == 1) {
        rules.threshold.kind = ThresholdKind::interval;
        rules.threshold.target = 10;
    }
    rules.weight_max = in.below(2) == 1 ? limits::kWeightMax : 1;
    return rules;
}

class Session {
public:
    explicit Session(Input& in)
        : m_in(in),
          m_shape(kShapes[in.below(kShapes.size())]),
          m_rules(rules_of(m_shape, in)),
          m_worker(m_shape, m_rules),
          m_reference(
              make_initial_reference(m_shape, std::vector<float>(m_shape.values(), 0.5F), 2.0, 1)) {
        m_worker.set_reference(m_reference);
        start();
    }

    void step() {
        switch (m_in.below(8)) {
            case 0:
                return raw_frame();
            case 1:
            case 2:
                return chunk();
            case 3:
                return request();
            case 4:
                return tick();
            case 5:
                return start();
            case 6:
                return pull();
            default:
                return m_in.below(2) == 1 ? m_worker.abort() : m_worker.abort_pull();
        }
    }

    void check_actions() {
        const ExchangeActions actions = m_worker.take_actions();
        for (const BulkSend& send : actions.sends) {
            DYNAVG_CHECK(send.payload.size() <= limits::kChunkBytes);
            for (const std::byte byte : send.payload) m_sum += std::to_integer<unsigned>(byte);
            DYNAVG_CHECK(wire::encode({}, send.message).size() <= limits::kBulkHeaderBytesMax);
        }
        for (const auto& [member, reason] : actions.unusable) {
            DYNAVG_CHECK(member != m_order.self && !reason.empty());
        }
        if (actions.done) {
            DYNAVG_CHECK(actions.done->certificate.facts.size() == kMembers);
            check_can_be_pulled(*actions.done->value);
        }
        if (actions.pulled) check_can_be_pulled(*actions.pulled);
        DYNAVG_CHECK(m_worker.counters().buffered_bytes_max <= kBufferedMax);
    }

private:
    void check_can_be_pulled(const Reference& value) const {
        const auto again = decode_reference(encode_reference(value), m_shape, value.id);
        DYNAVG_CHECK(again.has_value());
    }

    void start() {
        ++m_attempt;
        auto own = std::make_shared<Contribution>();
        own->target = m_reference->epoch.next();
        own->values.assign(m_shape.values(), 0.75F);
        own->facts = {3, 1, 0.0625F * static_cast<float>(m_shape.parameters)};
        m_worker.set_contribution(own);
        m_order = {};
        m_order.roster = peers({0, 1, 2});
        m_order.self = m_order.roster[kSelf];
        m_order.key = {{own->target, digest_of(m_order.roster)}, Attempt(m_attempt), {}};
        if (m_in.below(4) == 3) m_order.start_anew = m_reference;
        m_worker.start(m_order, m_now);
    }

    void raw_frame() {
        const PeerId from = sender();
        const auto envelope = wire::decode(std::as_bytes(m_in.piece()));
        if (!envelope) return;
        if (const auto* chunk = std::get_if<Chunk>(&envelope->message)) {
            m_worker.on_chunk(from, *chunk, std::as_bytes(m_in.piece()), m_now);
        } else if (const auto* asked = std::get_if<ChunkRequest>(&envelope->message)) {
            m_worker.on_chunk_request(from, *asked, m_now);
        }
    }

    void chunk() {
        const PeerId from = sender();
        Chunk chunk;
        chunk.transfer = transfer();
        chunk.index = m_in.byte();
        chunk.facts = {m_in.number<std::uint64_t>(), m_in.number<float>(), m_in.number<float>()};
        m_worker.on_chunk(from, chunk, std::as_bytes(m_in.take(m_in.byte())), m_now);
    }

    void request() {
        const PeerId from = sender();
        ChunkRequest request;
        request.transfer = transfer();
        request.first = m_in.byte();
        request.count = static_cast<std::uint32_t>(1 + m_in.below(limits::kChunksInFlightMax));
        m_worker.on_chunk_request(from, request, m_now);
    }

    void tick() {
        m_now += std::chrono::milliseconds(m_in.number<std::uint16_t>());
        m_worker.on_tick(m_now);
    }

    void pull() {
        m_wanted = {Epoch(4), {m_in.byte(), 0}};
        // The digest of a small reference is known, so that a pull can end well.
        if (m_in.below(2) == 1) m_wanted = m_reference->id;
        m_worker.pull(m_wanted, sender(), m_now);
    }

    [[nodiscard]] PeerId sender() {
        // One who is not in the roster, too.
        return peer(static_cast<int>(m_in.below(kMembers + 1))).id;
    }

    [[nodiscard]] TransferId transfer() {
        TransferId transfer;
        transfer.kind = static_cast<TransferKind>(1 + m_in.below(3));
        const std::size_t key = m_in.below(4);
        if (key == 0) transfer.key = m_order.key.digest();
        if (key == 1) transfer.key = m_wanted.digest;
        if (key == 2) transfer.key = m_reference->id.digest;
        transfer.shard = m_in.byte();
        return transfer;
    }

    Input& m_in;
    ReferenceShape m_shape;
    OuterRules m_rules;
    ExchangeWorker m_worker;
    ReferencePointer m_reference;
    ExchangeOrder m_order;
    ReferenceId m_wanted;
    std::uint32_t m_attempt = 0;
    Instant m_now = Instant{} + 1h;
    unsigned m_sum = 0;
};

}  // namespace

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    Session session(in);
    session.check_actions();
    while (!in.empty()) {
        session.step();
        session.check_actions();
    }
}

}  // namespace dynavg::fuzz
