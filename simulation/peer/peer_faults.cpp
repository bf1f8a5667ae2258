#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "protocol/base/check.hpp"
#include "simulation/peer/peer.hpp"

// The faults of a simulated peer.

namespace dynavg::simulation {

/// The life stays as it is until the next one begins: this may be called from within it.
void Peer::crash(LastWords words, PowerLoss loss) {
    if (!m_up) return;
    m_up = false;
    m_disk.call_it_sound();
    if (m_life->storage) m_life->storage->crash(loss);
    m_frozen_until = {};
    if (words == LastWords::lost) m_lives_silenced = m_lives;
    m_observer.on_crashed(*this);
}

void Peer::crash_at_message(std::uint32_t count, std::function<void()> crash) {
    if (!m_up) return;
    m_life->messages_left = count;
    m_life->counts_messages = false;
    m_life->crash = std::move(crash);
    m_life->crash_moment.reset();
}

void Peer::crash_at(FaultMoment moment, std::function<void()> crash) {
    if (!m_up) return;
    m_life->crash = std::move(crash);
    m_life->crash_moment = moment;
}

void Peer::diverge() {
    if (!m_up || is_observer()) return;
    constexpr std::array kNotFinite{std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity()};
    const std::size_t at = m_random.below(m_life->trainer.learner().shape().parameters);
    m_life->trainer.spoil(at, kNotFinite[m_random.below(kNotFinite.size())]);
}

void Peer::diverge_at(FaultMoment moment, std::function<void()> diverge) {
    if (moment == FaultMoment::restarted) {
        m_diverge_next = std::move(diverge);
    } else if (m_up) {
        m_life->diverge = std::move(diverge);
    }
}

/// After an install it crashes instead of saying so.
void Peer::reach(FaultMoment moment) {
    if (moment == FaultMoment::frozen) {
        if (m_up && m_life->diverge) std::exchange(m_life->diverge, nullptr)();
        return;
    }
    if (!m_up || !m_life->crash || m_life->crash_moment != moment) return;
    if (moment == FaultMoment::prepared) return std::exchange(m_life->crash, nullptr)();
    m_life->crash_moment.reset();
    m_life->messages_left = 1;
    m_life->counts_messages = true;
}

/// Asked before every message; false if there is nobody any more to send it.
bool Peer::may_send() {
    if (!m_up || !m_life->crash || m_life->crash_moment) return m_up;
    m_life->counts_messages |= core().round() != nullptr;
    const bool now = m_life->counts_messages && m_life->messages_left-- <= 1;
    if (now) std::exchange(m_life->crash, nullptr)();
    return m_up;
}

void Peer::leave(std::function<void()> left) {
    if (!m_up || m_life->left) return;
    m_life->left = std::move(left);
    later({}, [this] {
        m_life->node->hand_over(now());
        act();
    });
}

/// As the daemon does it: goodbye, then what waits for the disk, then local training.
void Peer::depart() {
    if (!m_up) return;
    m_observer.on_leaving(*this);
    m_life->node->leave();
    carry_out_all();
    if (!m_up) return;
    m_up = false;
    m_disk.call_it_sound();
    if (m_life->storage) {
        m_life->storage->finish_all(is_observer() ? std::nullopt : std::optional(local_record()));
    }
    m_observer.on_crashed(*this);
    std::exchange(m_life->left, nullptr)();
}

void Peer::freeze_until(protocol::Instant when) {
    if (!m_up || when <= m_frozen_until) return;
    m_frozen_until = when;
    m_events.at(when, [this, life = m_lives, when] {
        if (life == m_lives && m_frozen_until == when) thaw();
    });
}

/// Timers may come before or after what has arrived meanwhile.
void Peer::thaw() {
    if (!m_up || m_frozen_until == protocol::Instant{}) return;
    m_frozen_until = {};
    if (m_random.below(2) == 0 && m_life->next_wake <= now()) wake();
    std::deque<Input>& waiting = m_life->waiting;
    while (m_up && !is_frozen() && !waiting.empty()) {
        // It stays in its place: its consequences come after all that waits.
        waiting.front()();
        waiting.pop_front();
    }
}

void Peer::set_threshold(double threshold) {
    if (!m_up) return;
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
    DYNAVG_CHECK(
        m_life->node->set_threshold(threshold, static_cast<std::uint64_t>(since.count()), now())
            .has_value());
    act();
}

void Peer::forget(const protocol::PeerId& peer) {
    if (!m_up || core().has_live_voter(peer)) return;
    m_life->node->forget(peer, now());
    act();
}

void Peer::jump_clock(protocol::Duration ahead) {
    m_clock_ahead += ahead;
    if (!m_up || m_life->next_wake == protocol::kNever) return;
    const protocol::Instant when = std::exchange(m_life->next_wake, protocol::kNever);
    wake_at(std::max(when, now()));
}

protocol::BulkSend Peer::damaged(const protocol::BulkSend& send) {
    const auto* chunk = std::get_if<protocol::Chunk>(&send.message);
    const bool is_of_reference =
        chunk != nullptr && chunk->transfer.kind == protocol::TransferKind::reference;
    if (!is_of_reference || send.payload.empty()) return send;
    const auto bytes =
        std::make_shared<std::vector<std::byte>>(send.payload.begin(), send.payload.end());
    (*bytes)[m_random.below(bytes->size())] ^= std::byte{1} << m_random.below(8);
    return {send.to, send.message, *bytes, bytes};
}

protocol::BulkSend Peer::falsified(const protocol::BulkSend& send) {
    const auto* chunk = std::get_if<protocol::Chunk>(&send.message);
    const bool is_contribution =
        chunk != nullptr && chunk->transfer.kind == protocol::TransferKind::contribution;
    if (!is_contribution || send.payload.empty()) return send;
    constexpr std::array kLies{std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::infinity(), 1e15F, -1e15F};
    const auto bytes =
        std::make_shared<std::vector<std::byte>>(send.payload.begin(), send.payload.end());
    const float lie = kLies[m_random.below(kLies.size())];
    const std::size_t at = m_random.below(bytes->size() / sizeof lie) * sizeof lie;
    std::memcpy(bytes->data() + at, &lie, sizeof lie);
    return {send.to, send.message, *bytes, bytes};
}

void Peer::stop_training_after(std::uint64_t more_steps) {
    const std::uint64_t under_way = m_up && m_life->trainer.is_stepping() ? 1 : 0;
    m_options.max_steps = steps() + under_way + more_steps;
    m_life->trainer.set_max_steps(m_options.max_steps);
    if (m_up) later({}, [this] { report_to_core(); });
}

}  // namespace dynavg::simulation
