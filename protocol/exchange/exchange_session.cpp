#include "protocol/exchange/exchange_session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/exchange/exchange_plan.hpp"
#include "protocol/reference/weighted_mean.hpp"

namespace dynavg::protocol {

namespace {

std::size_t place_in(const Roster& roster, const Member& self) {
    const auto place = std::lower_bound(roster.begin(), roster.end(), self);
    DYNAVG_CHECK(place != roster.end() && *place == self);
    return static_cast<std::size_t>(place - roster.begin());
}

std::size_t bytes_of(Shard shard) {
    return shard.count * sizeof(float);
}

/// Exclusive end of what a request grants; a request for more than the credit is cut.
std::uint32_t request_end(const ChunkRequest& request, std::uint32_t chunks) {
    const std::uint64_t count = std::min(request.count, limits::kChunksInFlightMax);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(request.first + count, chunks));
}

ContributionFacts facts_of(const Contribution& own, const ExchangeOrder& order) {
    ContributionFacts facts = own.facts;
    facts.setting = order.setting;
    return facts;
}

}  // namespace

ExchangeSession::ExchangeSession(ExchangeOrder order, const OuterRules& rules,
                                 ReferencePointer base, ContributionPointer own)
    : m_order(std::move(order)),
      m_rules(rules),
      m_key(m_order.key.digest()),
      m_base(std::move(base)),
      m_own(std::move(own)),
      m_facts(facts_of(*m_own, m_order)),
      m_shards(exchange_plan(m_own->values.size(), m_order.roster.size())),
      m_self(place_in(m_order.roster, m_order.self)),
      m_reducer(
          m_shards[m_self], m_order.roster.size(), m_self, rules.weight_max,
          m_order.start_anew == nullptr ? ShardReducer::Judge::drifts : ShardReducer::Judge::models,
          m_base, m_own, m_facts),
      m_mean(m_own->values.size()) {
    DYNAVG_CHECK(m_base->values.size() == m_own->values.size());
    m_partners.reserve(m_shards.size());
    for (const Shard& shard : m_shards) {
        m_partners.push_back(
            {ChunkWindow(m_reducer.chunks()), ChunkWindow(chunk_count(bytes_of(shard)))});
    }
}

void ExchangeSession::start(Instant now, ExchangeActions& actions) {
    for_others([&](std::size_t member) { ask(member, now, actions); });
    reduce(actions);
    finish_if_complete(actions);
}

bool ExchangeSession::on_request(PeerId from, const ChunkRequest& request,
                                 ExchangeActions& actions) {
    const auto member = place_of(from);
    if (!member || *member == m_self || stopped()) return false;
    if (request.transfer.kind == TransferKind::contribution) {
        // Only the shard's owner has a use for it.
        if (request.transfer.shard != *member) return false;
        const std::uint32_t end = request_end(request, chunk_count(bytes_of(m_shards[*member])));
        note_request(m_partners[*member].asked_contribution, end, actions);
        for (std::uint32_t i = request.first; i < end; ++i) send_contribution(*member, i, actions);
        return request.first < end;
    }
    if (request.transfer.shard != m_self) return false;
    const std::uint32_t end = request_end(request, m_reducer.chunks());
    note_request(m_partners[*member].asked_mean, end, actions);
    std::vector<std::uint32_t>& waiting = m_partners[*member].waiting;
    for (std::uint32_t i = request.first; i < end; ++i) {
        if (i < m_reducer.reduced()) {
            send_mean(*member, i, actions);
        } else {
            std::erase(waiting, i);
            waiting.push_back(i);
            if (waiting.size() > limits::kPendingRequestsPerPeerMax) waiting.erase(waiting.begin());
        }
    }
    return request.first < end;
}

bool ExchangeSession::on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload,
                               Instant now, ExchangeActions& actions) {
    const auto member = place_of(from);
    if (!member || *member == m_self) return false;
    if (m_phase != Phase::running) return true;
    const bool taken = chunk.transfer.kind == TransferKind::contribution
                           ? take_contribution(*member, chunk, payload, now, actions)
                           : take_mean(*member, chunk, payload, now, actions);
    finish_if_complete(actions);
    return taken;
}

void ExchangeSession::on_tick(Instant now, ExchangeActions& actions) {
    if (m_phase != Phase::running) return;
    for_others([&](std::size_t member) { ask(member, now, actions); });
    report_stalled(now, actions);
}

/// Another member gets on: as long as one does, nobody starts anew.
void ExchangeSession::note_request(std::uint32_t& asked, std::uint32_t end,
                                   ExchangeActions& actions) const {
    if (end <= asked) return;
    asked = end;
    actions.progressed = true;
}

/// Everybody can give its contribution at once; a mean may wait for a third one.
void ExchangeSession::report_stalled(Instant now, ExchangeActions& actions) const {
    const Duration patience = std::max(limits::kStallTimeout, 4 * m_longest_gap);
    for_others([&](std::size_t member) {
        const Partner& partner = m_partners[member];
        const bool outstanding = partner.contribution.deadline() != kNever;
        if (outstanding && now - partner.gave_at > patience) {
            actions.stalled.push_back(m_order.roster[member]);
        }
    });
}

Instant ExchangeSession::next_tick() const {
    Instant next = kNever;
    if (m_phase != Phase::running) return next;
    for (const Partner& partner : m_partners) {
        next = std::min({next, partner.contribution.deadline(), partner.mean.deadline()});
    }
    return next;
}

std::uint64_t ExchangeSession::repetitions() const {
    std::uint64_t sum = 0;
    for (const Partner& partner : m_partners) {
        sum += partner.contribution.repetitions() + partner.mean.repetitions();
    }
    return sum;
}

std::optional<std::size_t> ExchangeSession::place_of(PeerId peer) const {
    for (std::size_t member = 0; member < m_order.roster.size(); ++member) {
        if (peer_at(member) == peer) return member;
    }
    return std::nullopt;
}

template <class Function>
void ExchangeSession::for_others(Function function) const {
    const std::size_t members = m_order.roster.size();
    for (std::size_t i = 1; i < members; ++i) function((m_self + i) % members);
}

void ExchangeSession::ask(std::size_t member, Instant now, ExchangeActions& actions) {
    Partner& partner = m_partners[member];
    if (partner.contribution.deadline() == kNever) partner.gave_at = now;
    for (const auto range : partner.contribution.ask(m_reducer.end(), now)) {
        send_request(member, TransferKind::contribution, range, actions);
    }
    for (const auto range : partner.mean.ask(partner.mean.chunks(), now)) {
        send_request(member, TransferKind::mean, range, actions);
    }
}

void ExchangeSession::send_request(std::size_t member, TransferKind kind, ChunkWindow::Range range,
                                   ExchangeActions& actions) const {
    const std::size_t owner = kind == TransferKind::contribution ? m_self : member;
    const ChunkRequest request{
        {kind, m_key, static_cast<std::uint32_t>(owner)}, range.first, range.count};
    actions.sends.push_back({peer_at(member), request, {}, nullptr});
}

void ExchangeSession::send_contribution(std::size_t member, std::uint32_t index,
                                        ExchangeActions& actions) const {
    const Shard shard = m_shards[member];
    const ByteRange range = chunk_range(bytes_of(shard), index);
    const auto values = std::span(m_own->values).subspan(shard.first, shard.count);
    const Chunk chunk{
        {TransferKind::contribution, m_key, static_cast<std::uint32_t>(member)}, index, m_facts};
    actions.sends.push_back(
        {peer_at(member), chunk, std::as_bytes(values).subspan(range.first, range.count), m_own});
}

void ExchangeSession::send_mean(std::size_t member, std::uint32_t index,
                                ExchangeActions& actions) const {
    const ByteRange range = chunk_range(bytes_of(m_shards[m_self]), index);
    const auto values = std::span<const float>(*m_reducer.mean());
    const Chunk chunk{{TransferKind::mean, m_key, static_cast<std::uint32_t>(m_self)}, index, {}};
    actions.sends.push_back({peer_at(member), chunk,
                             std::as_bytes(values).subspan(range.first, range.count),
                             m_reducer.mean()});
}

bool ExchangeSession::take_contribution(std::size_t member, const Chunk& chunk,
                                        std::span<const std::byte> payload, Instant now,
                                        ExchangeActions& actions) {
    if (chunk.transfer.shard != m_self || chunk.index >= m_reducer.chunks()) return false;
    if (payload.size() != m_reducer.chunk_bytes(chunk.index)) return false;
    ChunkWindow& window = m_partners[member].contribution;
    if (!window.waits_for(chunk.index)) return true;
    window.arrived(chunk.index, now);
    Instant& gave_at = m_partners[member].gave_at;
    m_longest_gap = std::max(m_longest_gap, now - gave_at);
    gave_at = now;
    actions.progressed = true;
    if (const auto fault = m_reducer.take(member, chunk.index, chunk.facts, payload)) {
        stop(*fault, actions);
        return true;
    }
    const std::uint32_t before = m_reducer.reduced();
    reduce(actions);
    if (m_phase != Phase::running || m_reducer.reduced() == before) return true;
    for_others([&](std::size_t other) { ask(other, now, actions); });
    return true;
}

bool ExchangeSession::take_mean(std::size_t member, const Chunk& chunk,
                                std::span<const std::byte> payload, Instant now,
                                ExchangeActions& actions) {
    const Shard shard = m_shards[member];
    ChunkWindow& window = m_partners[member].mean;
    if (chunk.transfer.shard != member || chunk.index >= window.chunks()) return false;
    const ByteRange range = chunk_range(bytes_of(shard), chunk.index);
    if (payload.size() != range.count) return false;
    if (!window.waits_for(chunk.index)) return true;
    window.arrived(chunk.index, now);
    actions.progressed = true;
    const auto values = std::span(m_mean).subspan(shard.first + range.first / sizeof(float),
                                                  range.count / sizeof(float));
    if (!payload.empty()) std::memcpy(values.data(), payload.data(), payload.size());
    if (!all_finite(values)) {
        stop({member, "the mean that it made is not finite"}, actions);
        return true;
    }
    ask(member, now, actions);
    return true;
}

void ExchangeSession::reduce(ExchangeActions& actions) {
    const std::uint32_t before = m_reducer.reduced();
    if (const auto fault = m_reducer.reduce()) return stop(*fault, actions);
    for (std::uint32_t index = before; index < m_reducer.reduced(); ++index) {
        const Shard shard = m_shards[m_self];
        const ByteRange range = chunk_range(bytes_of(shard), index);
        const auto made = std::span<const float>(*m_reducer.mean())
                              .subspan(range.first / sizeof(float), range.count / sizeof(float));
        std::copy(made.begin(), made.end(),
                  m_mean.begin() +
                      static_cast<std::ptrdiff_t>(shard.first + range.first / sizeof(float)));
        for_others([&](std::size_t member) {
            if (std::erase(m_partners[member].waiting, index) > 0) {
                send_mean(member, index, actions);
            }
        });
    }
}

void ExchangeSession::stop(const ShardReducer::Fault& fault, ExchangeActions& actions) {
    m_phase = Phase::stopped;
    actions.unusable.emplace_back(m_order.roster[fault.member], fault.reason);
}

void ExchangeSession::finish_if_complete(ExchangeActions& actions) {
    if (m_phase != Phase::running || !m_reducer.complete()) return;
    for (std::size_t member = 0; member < m_partners.size(); ++member) {
        if (member != m_self && !m_partners[member].mean.complete()) return;
    }
    m_phase = Phase::done;
    Certificate certificate{m_order.roster, m_reducer.facts()};
    auto next =
        m_order.start_anew == nullptr
            ? make_next_reference(*m_base, target(), std::move(m_mean), m_rules, certificate.facts)
            : make_merged_reference(*m_order.start_anew, target(), std::move(m_mean), m_rules,
                                    certificate.facts);
    actions.done =
        ExchangeResult{m_order.key, m_order.ballot, std::move(certificate), std::move(next)};
    m_mean = {};
    m_base.reset();
}

}  // namespace dynavg::protocol
