#include "simulation/network.hpp"

#include <algorithm>

namespace dynavg::simulation {

using protocol::Duration;
using protocol::Instant;

namespace {

/// A message that would wait longer on a clogged link is dropped: by a full queue, or with a
/// connection whose heartbeats are late.
constexpr Duration kGossipBacklogMax = std::chrono::seconds(5);
constexpr Duration kConnectionBacklogMax = std::chrono::seconds(10);

}  // namespace

Network::Network(EventQueue& events, LinkOptions options, std::uint64_t seed)
    : m_events(events),
      m_options(options),
      m_random(seed, protocol::RandomPurpose::simulation, 1) {}

void Network::send(PeerIndex from, PeerIndex to, Channel channel, std::size_t bytes,
                   std::function<void()> deliver) {
    const Link link{from, to};
    const Line line{from, to, channel};
    if (!passes(line) || is_clogged(link, channel)) {
        ++m_lost;
        return;
    }
    if (channel == Channel::gossip) {
        if (m_random.uniform() < m_options.loss) {
            ++m_lost;
            return;
        }
        const Duration waiting = waiting_time(link, bytes);
        const bool twice = m_random.uniform() < m_options.repetition;
        if (twice) schedule(m_events.now() + waiting + delay(link), line, deliver);
        schedule(m_events.now() + waiting + delay(link), line, std::move(deliver));
    } else {
        Instant& last = m_last_arrival[line];
        last = std::max(last, m_events.now() + waiting_time(link, bytes) + delay(link));
        schedule(last, line, std::move(deliver));
    }
    ++m_delivered;
}

Network::FaultId Network::add(LinkFault fault) {
    for (const Link& link : fault.links) {
        for (const Channel channel : fault.cut) cut(link, channel);
    }
    m_faults.emplace(++m_last_fault, std::move(fault));
    return m_last_fault;
}

void Network::remove(FaultId fault) {
    const auto found = m_faults.find(fault);
    if (found == m_faults.end()) return;
    for (const Link& link : found->second.links) {
        if (m_busy_until.erase(link) == 0) continue;
        for (const Channel channel : {Channel::gossip, Channel::direct, Channel::bulk}) {
            cut(link, channel);
        }
    }
    m_faults.erase(found);
}

void Network::cut(const Link& link, Channel channel) {
    ++m_cuts[{link.first, link.second, channel}];
    m_last_arrival.erase({link.first, link.second, channel});
}

bool Network::is_clogged(const Link& link, Channel channel) const {
    const auto busy = m_busy_until.find(link);
    if (busy == m_busy_until.end()) return false;
    const Duration waiting = busy->second - m_events.now();
    return waiting > (channel == Channel::gossip ? kGossipBacklogMax : kConnectionBacklogMax);
}

Duration Network::delay(const Link& link) {
    const auto spread =
        static_cast<std::uint64_t>((m_options.delay_max - m_options.delay_min).count());
    Duration delay =
        m_options.delay_min + Duration(static_cast<Duration::rep>(m_random.below(spread + 1)));
    for (const auto& [id, fault] : m_faults) {
        if (fault.links.contains(link)) delay += fault.delay;
    }
    return delay;
}

bool Network::passes(const Line& line) {
    const auto& [from, to, channel] = line;
    if (from == to) return false;
    for (const auto& [id, fault] : m_faults) {
        if (!fault.links.contains({from, to})) continue;
        if (fault.cut.contains(channel)) return false;
        const bool risky = channel == Channel::gossip && fault.loss > 0;
        if (risky && m_random.uniform() < fault.loss) return false;
    }
    return true;
}

/// The bytes before this message on a link of limited width, and its own.
Duration Network::waiting_time(const Link& link, std::size_t bytes) {
    std::uint64_t bytes_per_second = 0;
    for (const auto& [id, fault] : m_faults) {
        if (fault.bytes_per_second == 0 || !fault.links.contains(link)) continue;
        bytes_per_second = bytes_per_second == 0
                               ? fault.bytes_per_second
                               : std::min(bytes_per_second, fault.bytes_per_second);
    }
    if (bytes_per_second == 0) return {};
    const Duration own(static_cast<Duration::rep>(1'000'000 * bytes / bytes_per_second));
    Instant& busy_until = m_busy_until[link];
    busy_until = std::max(busy_until, m_events.now()) + own;
    return busy_until - m_events.now();
}

void Network::schedule(Instant when, const Line& line, std::function<void()> deliver) {
    // The place in the map stays where it is.
    const std::uint64_t& cuts = m_cuts[line];
    m_events.at(when, [this, &cuts, before = cuts, deliver = std::move(deliver)] {
        if (cuts == before) return deliver();
        --m_delivered;
        ++m_lost;
    });
}

}  // namespace dynavg::simulation
