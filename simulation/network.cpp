#include "simulation/network.hpp"

#include <algorithm>

namespace dynavg::simulation {

using protocol::Duration;

Network::Network(EventQueue& events, LinkOptions options, std::uint64_t seed)
    : m_events(events),
      m_options(options),
      m_random(seed, protocol::RandomPurpose::simulation, 1) {}

void Network::gossip(PeerIndex from, PeerIndex to, std::function<void()> deliver) {
    if (!passes(from, to) || m_random.uniform() < m_options.loss) {
        ++m_lost;
        return;
    }
    ++m_delivered;
    if (m_random.uniform() < m_options.repetition) m_events.after(delay(), deliver);
    m_events.after(delay(), std::move(deliver));
}

void Network::send(PeerIndex from, PeerIndex to, Channel channel, std::function<void()> deliver) {
    if (!passes(from, to)) {
        ++m_lost;
        return;
    }
    ++m_delivered;
    protocol::Instant& last = m_last_arrival[{from, to, channel}];
    last = std::max(last, m_events.now() + delay());
    m_events.at(last, std::move(deliver));
}

Duration Network::delay() {
    const auto spread =
        static_cast<std::uint64_t>((m_options.delay_max - m_options.delay_min).count());
    return m_options.delay_min + Duration(static_cast<Duration::rep>(m_random.below(spread + 1)));
}

bool Network::passes(PeerIndex from, PeerIndex to) const {
    return from != to;
}

}  // namespace dynavg::simulation
