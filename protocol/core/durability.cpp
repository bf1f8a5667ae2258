#include "protocol/core/durability.hpp"

#include <algorithm>
#include <utility>

namespace dynavg::protocol {

Durability::Durability(const Member& self, Disk disk) : m_self(self), m_disk(disk) {
    m_promise.incarnation = m_promise.remembers = self.incarnation;
}

void Durability::restore(const Promise& promise, std::optional<PreparedRecord> prepared) {
    m_promise = promise;
    m_prepared_before = std::move(prepared);
}

bool Durability::may_speak_in(Epoch target, Attempt attempt) const {
    return m_promise.incarnation == m_self.incarnation && m_promise.target == target &&
           m_promise.attempt == attempt;
}

Attempt Durability::attempt_above_earlier_life(Epoch target, Attempt asked) const {
    const bool promised_before =
        m_promise.target == target && m_promise.incarnation != m_self.incarnation;
    return promised_before ? std::max(asked, m_promise.attempt.next()) : asked;
}

std::optional<Promise> Durability::order_promise(Epoch target, std::optional<Attempt> attempt,
                                                 const std::set<PeerId>& departed) {
    Promise promise;
    promise.incarnation = m_self.incarnation;
    promise.remembers = m_promise.remembers;
    promise.target = target;
    // An earlier life's promise for this target holds until this life makes its own.
    const Attempt held = m_promise.target == target ? m_promise.attempt : Attempt(0);
    promise.attempt = attempt.value_or(held);
    promise.departed.assign(departed.begin(), departed.end());
    if (has_disk()) return promise;
    m_promise = std::move(promise);
    return std::nullopt;
}

PreparedRecord Durability::order_prepared(PreparedRecord record) {
    m_preparing = std::move(record);
    return *m_preparing;
}

std::optional<PreparedRecord> Durability::on_prepared_written(const Prepared& prepared) {
    if (!m_preparing || m_preparing->prepared != prepared) return std::nullopt;
    return std::exchange(m_preparing, std::nullopt);
}

const PreparedRecord* Durability::prepared_before(Epoch target) const {
    const bool fits = m_prepared_before && m_prepared_before->value->epoch == target;
    return fits ? &*m_prepared_before : nullptr;
}

void Durability::on_reference() {
    m_preparing.reset();
    m_prepared_before.reset();
}

}  // namespace dynavg::protocol
