#include "protocol/exchange/exchange.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/exchange/exchange_session.hpp"
#include "protocol/exchange/pending_requests.hpp"
#include "protocol/exchange/reference_transfer.hpp"

namespace dynavg::protocol {

Digest ExchangeKey::digest() const {
    return Digester()
        .add_u64(round.target.value())
        .add(round.roster)
        .add_u64(attempt.value())
        .add(sets)
        .finish();
}

struct ExchangeWorker::Parts {
    Parts(ReferenceShape shape_of_model, const OuterRules& outer_rules)
        : shape(shape_of_model), rules(outer_rules) {}

    /// A session that met an unusable contribution serves nobody any more.
    void drop_if_stopped() {
        if (session && session->stopped()) drop_session();
    }
    void drop_session() {
        counters = count();
        session.reset();
    }
    [[nodiscard]] ExchangeCounters count() const {
        ExchangeCounters sum = counters;
        if (session) {
            sum.repetitions += session->repetitions();
            sum.buffered_bytes_max =
                std::max(sum.buffered_bytes_max, session->buffered_bytes_max());
        }
        return sum;
    }

    ReferenceShape shape;
    OuterRules rules;
    ReferencePointer reference;
    ContributionPointer contribution;
    ReferenceServer server;
    PendingRequests pending;
    std::optional<ExchangeSession> session;
    std::optional<ReferencePull> transfer;
    ExchangeActions actions;
    ExchangeCounters counters;
};

ExchangeWorker::ExchangeWorker(ReferenceShape shape, const OuterRules& rules)
    : m_parts(std::make_unique<Parts>(shape, rules)) {}

ExchangeWorker::~ExchangeWorker() = default;

void ExchangeWorker::set_reference(ReferencePointer reference) {
    DYNAVG_CHECK(reference != nullptr && reference->shape() == m_parts->shape);
    // Members that are slower may still need the mean of the epoch just committed.
    if (m_parts->session && reference->epoch > m_parts->session->target()) m_parts->drop_session();
    m_parts->reference = reference;
    m_parts->server.set_current(std::move(reference));
}

void ExchangeWorker::set_prepared(ReferencePointer prepared) {
    m_parts->server.set_prepared(std::move(prepared));
}

void ExchangeWorker::set_contribution(ContributionPointer contribution) {
    m_parts->contribution = std::move(contribution);
}

void ExchangeWorker::start(ExchangeOrder order, Instant now) {
    Parts& parts = *m_parts;
    DYNAVG_CHECK(parts.reference != nullptr && parts.contribution != nullptr);
    DYNAVG_CHECK(parts.contribution->target == order.key.round.target);
    DYNAVG_CHECK(parts.contribution->values.size() == parts.shape.values());
    parts.drop_session();
    // Of the exchange that this one replaces.
    parts.actions.done.reset();
    parts.actions.unusable.clear();
    parts.actions.stalled.clear();
    ExchangeSession& session =
        parts.session.emplace(std::move(order), parts.rules, parts.reference, parts.contribution);
    session.start(now, parts.actions);
    for (const auto& [from, request] : parts.pending.take(session.key())) {
        if (!session.on_request(from, request, parts.actions)) ++parts.counters.refused;
    }
    parts.drop_if_stopped();
}

void ExchangeWorker::abort() {
    m_parts->drop_session();
    m_parts->actions.done.reset();
    m_parts->actions.unusable.clear();
    m_parts->actions.stalled.clear();
}

void ExchangeWorker::pull(ReferenceId wanted, PeerId source, Instant now) {
    Parts& parts = *m_parts;
    if (parts.transfer && parts.transfer->wanted() == wanted) {
        parts.transfer->change_source(source);
    } else {
        parts.transfer.emplace(parts.shape, wanted, source);
    }
    parts.actions.pulled = nullptr;
    parts.actions.pull_failed.reset();
    parts.transfer->ask(now, parts.actions);
}

void ExchangeWorker::abort_pull() {
    m_parts->transfer.reset();
    m_parts->actions.pulled = nullptr;
    m_parts->actions.pull_failed.reset();
}

void ExchangeWorker::on_chunk_request(PeerId from, const ChunkRequest& request, Instant /*now*/) {
    Parts& parts = *m_parts;
    bool taken = true;
    if (request.transfer.kind == TransferKind::reference) {
        taken = parts.server.on_request(from, request, parts.actions);
    } else if (parts.session && parts.session->key() == request.transfer.key) {
        taken = parts.session->on_request(from, request, parts.actions);
    } else {
        parts.pending.keep(from, request);
    }
    if (!taken) ++parts.counters.refused;
}

void ExchangeWorker::on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload,
                              Instant now) {
    Parts& parts = *m_parts;
    bool taken = false;
    if (chunk.transfer.kind == TransferKind::reference) {
        if (parts.transfer) {
            taken = parts.transfer->on_chunk(from, chunk, payload, now, parts.actions);
            if (parts.transfer->finished()) parts.transfer.reset();
        }
    } else if (parts.session && parts.session->key() == chunk.transfer.key) {
        taken = parts.session->on_chunk(from, chunk, payload, now, parts.actions);
        parts.drop_if_stopped();
    }
    if (!taken) ++parts.counters.refused;
}

void ExchangeWorker::on_tick(Instant now) {
    if (m_parts->session) m_parts->session->on_tick(now, m_parts->actions);
    if (m_parts->transfer) m_parts->transfer->ask(now, m_parts->actions);
}

ExchangeActions ExchangeWorker::take_actions() {
    ExchangeActions actions = std::exchange(m_parts->actions, {});
    if (m_parts->session) actions.next_tick = m_parts->session->next_tick();
    if (m_parts->transfer) {
        actions.next_tick = std::min(actions.next_tick, m_parts->transfer->next_tick());
    }
    return actions;
}

ExchangeCounters ExchangeWorker::counters() const {
    return m_parts->count();
}

}  // namespace dynavg::protocol
