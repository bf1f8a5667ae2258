#include "tests/protocol/exchange/exchange_network.hpp"

#include <algorithm>

#include "protocol/base/digest.hpp"
#include "protocol/reference/weighted_mean.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol::test {

namespace {

Digest digest_of_bytes(std::span<const std::byte> bytes) {
    return Digester().add(bytes).finish();
}

}  // namespace

std::vector<float> random_values(std::size_t count, std::uint64_t seed, std::uint32_t stream) {
    RandomStream random(seed, RandomPurpose::test, stream);
    std::vector<float> values(count);
    for (float& value : values) value = random.uniform_float() * 2 - 1;
    return values;
}

ExchangeKey exchange_key(const Roster& roster, Attempt attempt) {
    const Digest digest = digest_of(roster);
    return {{Epoch(1), digest}, attempt, digest};
}

double bytes_bound(std::size_t values, std::size_t members) {
    const auto k = static_cast<double>(members);
    const double model = static_cast<double>(values * sizeof(float));
    return 2 * (k - 1) / k * model * 1.01 + 4096;
}

ExchangeNetwork::ExchangeNetwork(ReferenceShape shape, std::size_t peers, std::uint64_t seed,
                                 Conditions conditions, const OuterRules& rules)
    : m_shape(shape),
      m_reference(make_initial_reference(shape, random_values(shape.values(), seed, 0), 1.0, seed)),
      m_seed(seed),
      m_conditions(conditions),
      m_random(seed, RandomPurpose::test, 1) {
    std::vector<Member> members;
    for (std::size_t i = 0; i < peers; ++i) {
        members.push_back({0, PeerId::from_name("peer" + std::to_string(i)), Incarnation(1)});
    }
    std::sort(members.begin(), members.end());
    for (const Member& member : members) {
        auto peer = std::unique_ptr<Peer>(new Peer{member, ExchangeWorker(shape, rules)});
        peer->worker.set_reference(m_reference);
        m_peers.push_back(std::move(peer));
    }
}

Roster ExchangeNetwork::roster(std::size_t members) const {
    Roster roster;
    for (std::size_t i = 0; i < members; ++i) roster.push_back(m_peers[i]->member);
    return roster;
}

Roster ExchangeNetwork::roster(const std::vector<std::size_t>& indices) const {
    Roster roster;
    for (const std::size_t index : indices) roster.push_back(m_peers[index]->member);
    return roster;
}

void ExchangeNetwork::contribute(std::size_t index, float weight) {
    Contribution contribution;
    contribution.target = Epoch(1);
    contribution.values =
        random_values(m_shape.values(), m_seed, static_cast<std::uint32_t>(100 + index));
    const double norm =
        squared_distance(std::span<const float>(contribution.values).first(m_shape.parameters),
                         m_reference->parameter_values());
    contribution.facts = {10 + index, weight, static_cast<float>(norm)};
    contribute(index, std::move(contribution));
}

void ExchangeNetwork::contribute(std::size_t index, Contribution contribution) {
    Peer& peer = *m_peers[index];
    peer.contribution = std::make_shared<const Contribution>(std::move(contribution));
    peer.worker.set_contribution(peer.contribution);
}

void ExchangeNetwork::start(std::size_t index, const Roster& roster, Attempt attempt,
                            ReferencePointer start_anew) {
    Peer& peer = *m_peers[index];
    peer.done.reset();
    peer.worker.start({exchange_key(roster, attempt),
                       {attempt, 7},
                       roster,
                       peer.member,
                       std::move(start_anew),
                       peer.setting},
                      m_now);
    collect(index);
}

void ExchangeNetwork::collect(std::size_t index) {
    Peer& peer = *m_peers[index];
    ExchangeActions actions = peer.worker.take_actions();
    for (const BulkSend& bulk : actions.sends) send(index, bulk);
    if (actions.done) peer.done = std::move(actions.done);
    if (actions.pulled) peer.pulled = std::move(actions.pulled);
    if (actions.pull_failed) peer.pull_failed = std::move(actions.pull_failed);
    for (auto& unusable : actions.unusable) peer.unusable.push_back(std::move(unusable));
    peer.next_tick = actions.next_tick;
}

void ExchangeNetwork::run(Duration duration) {
    const Instant end = m_now + duration;
    while (true) {
        Instant next = m_flights.empty() ? kNever : m_flights.top().at;
        for (const auto& peer : m_peers) next = std::min(next, peer->next_tick);
        if (next == kNever) return;
        if (next > end) break;
        m_now = std::max(m_now, next);
        if (!m_flights.empty() && m_flights.top().at <= m_now) {
            const Flight flight = m_flights.top();
            m_flights.pop();
            deliver(flight);
            continue;
        }
        for (std::size_t i = 0; i < m_peers.size(); ++i) {
            if (m_peers[i]->next_tick > m_now) continue;
            m_peers[i]->worker.on_tick(m_now);
            collect(i);
            REQUIRE(m_peers[i]->next_tick > m_now);
        }
    }
    m_now = end;
}

ReferencePointer ExchangeNetwork::expected(const Roster& roster) const {
    std::vector<float> mean(m_shape.values());
    for (const Member& member : roster) {
        const auto& values = m_peers[index_of(member.id)]->contribution->values;
        for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += values[i];
    }
    for (float& value : mean) value /= static_cast<float>(roster.size());
    return make_next_reference(*m_reference, Epoch(1), std::move(mean));
}

bool ExchangeNetwork::all_done(const Roster& roster) const {
    return std::all_of(roster.begin(), roster.end(), [this](const Member& member) {
        return m_peers[index_of(member.id)]->done.has_value();
    });
}

std::size_t ExchangeNetwork::index_of(PeerId id) const {
    for (std::size_t i = 0; i < m_peers.size(); ++i) {
        if (m_peers[i]->member.id == id) return i;
    }
    FAIL("a message to nobody");
    return 0;
}

void ExchangeNetwork::send(std::size_t from, const BulkSend& bulk) {
    Peer& sender = *m_peers[from];
    const Header header{NetworkId(1), sender.member.id.tag(), SequenceNumber(m_flights_so_far),
                        Epoch(0), 0};
    Flight flight{
        m_now,        m_flights_so_far, from, index_of(bulk.to), wire::encode(header, bulk.message),
        bulk.payload, bulk.keep,        {}};
    REQUIRE(flight.from != flight.to);
    flight.payload_digest = digest_of_bytes(bulk.payload);
    sender.bytes_sent += flight.bytes.size() + bulk.payload.size();
    ++sender.messages_sent[std::string(name_of(bulk.message))];
    const int copies = m_random.uniform() < m_conditions.repetition ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
        if (m_random.uniform() < m_conditions.loss) continue;
        const auto spread = (m_conditions.delay_max - m_conditions.delay_min).count() + 1;
        const Duration delay =
            m_conditions.delay_min + Duration(static_cast<Duration::rep>(
                                         m_random.below(static_cast<std::uint64_t>(spread))));
        flight.at = m_now + delay;
        flight.number = m_flights_so_far++;
        m_flights.push(flight);
    }
}

void ExchangeNetwork::deliver(const Flight& flight) {
    // A chunk that was handed over to be sent must not change on its way.
    REQUIRE(digest_of_bytes(flight.payload) == flight.payload_digest);
    const auto envelope = wire::decode(flight.bytes);
    REQUIRE(envelope.has_value());
    const PeerId from = m_peers[flight.from]->member.id;
    ExchangeWorker& worker = m_peers[flight.to]->worker;
    if (const auto* request = std::get_if<ChunkRequest>(&envelope->message)) {
        worker.on_chunk_request(from, *request, m_now);
    } else {
        worker.on_chunk(from, std::get<Chunk>(envelope->message), flight.payload, m_now);
    }
    collect(flight.to);
}

}  // namespace dynavg::protocol::test
