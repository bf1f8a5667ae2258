#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "protocol/instant.hpp"
#include "protocol/random.hpp"
#include "simulation/event_queue.hpp"

namespace dynavg::simulation {

using PeerIndex = std::size_t;

/// How the simulated links treat what they carry.
struct LinkOptions {
    protocol::Duration delay_min = std::chrono::milliseconds(1);
    protocol::Duration delay_max = std::chrono::milliseconds(1);
    double loss = 0;        ///< Share of gossip that is lost.
    double repetition = 0;  ///< Share of gossip that arrives twice.
};

/// Seeded links between peers. Gossip may be lost, repeated and, as each message draws its own
/// delay, reordered; a connection (direct, bulk) delivers everything once and in order, late.
/// Faults of links and peers (cuts, freezes, crashes) attach here: passes() decides for each
/// message.
class Network {
public:
    Network(EventQueue& events, LinkOptions options, std::uint64_t seed);

    /// Each channel of a pair of peers keeps its order by itself.
    enum class Channel : std::uint8_t { direct, bulk };

    void gossip(PeerIndex from, PeerIndex to, std::function<void()> deliver);
    void send(PeerIndex from, PeerIndex to, Channel channel, std::function<void()> deliver);

    [[nodiscard]] std::uint64_t delivered() const { return m_delivered; }
    [[nodiscard]] std::uint64_t lost() const { return m_lost; }

private:
    [[nodiscard]] protocol::Duration delay();
    [[nodiscard]] bool passes(PeerIndex from, PeerIndex to) const;

    EventQueue& m_events;
    LinkOptions m_options;
    protocol::RandomStream m_random;
    std::map<std::tuple<PeerIndex, PeerIndex, Channel>, protocol::Instant> m_last_arrival;
    std::uint64_t m_delivered = 0;
    std::uint64_t m_lost = 0;
};

}  // namespace dynavg::simulation
