#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/base/instant.hpp"
#include "protocol/base/random.hpp"
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

/// Each channel of a pair of peers is a connection of its own.
enum class Channel : std::uint8_t { gossip, direct, bulk };

/// A fault of some links, on top of LinkOptions, which hold for all. Where several faults hold, a
/// message must pass each of them.
struct LinkFault {
    std::set<std::pair<PeerIndex, PeerIndex>> links;  ///< From, to.
    /// Cut: messages sent, and those under way as the fault begins, are lost.
    std::set<Channel> cut;
    double loss = 0;  ///< Share of gossip that is lost.
    protocol::Duration delay{};
    /// 0: no limit. All channels of a link share it. A message that would wait too long is lost,
    /// and so are those that wait as the fault ends: the connection is given up and made anew.
    std::uint64_t bytes_per_second = 0;
};

/// Seeded links between peers. Gossip may be lost, repeated and, as each message draws its own
/// delay, reordered; a connection (direct, bulk) delivers everything once and in order, late. A cut
/// breaks the connection: messages on it are lost, and it is there again as the cut ends.
class Network {
public:
    Network(EventQueue& events, LinkOptions options, std::uint64_t seed);

    /// Of one peer to another; never to itself. `bytes` count where a link has a limit.
    void send(PeerIndex from, PeerIndex to, Channel channel, std::size_t bytes,
              std::function<void()> deliver);

    using FaultId = std::uint64_t;
    [[nodiscard]] FaultId add(LinkFault fault);
    void remove(FaultId fault);

    [[nodiscard]] std::uint64_t delivered() const { return m_delivered; }
    [[nodiscard]] std::uint64_t lost() const { return m_lost; }

private:
    using Link = std::pair<PeerIndex, PeerIndex>;
    using Line = std::tuple<PeerIndex, PeerIndex, Channel>;

    [[nodiscard]] protocol::Duration delay(const Link& link);
    [[nodiscard]] bool passes(const Line& line);
    [[nodiscard]] bool is_clogged(const Link& link, Channel channel) const;
    void cut(const Link& link, Channel channel);
    [[nodiscard]] protocol::Duration waiting_time(const Link& link, std::size_t bytes);
    void schedule(protocol::Instant when, const Line& line, std::function<void()> deliver);

    EventQueue& m_events;
    LinkOptions m_options;
    protocol::RandomStream m_random;
    std::map<FaultId, LinkFault> m_faults;
    FaultId m_last_fault = 0;
    std::map<Line, protocol::Instant> m_last_arrival;
    std::map<Line, std::uint64_t> m_cuts;  ///< How often it was cut.
    std::map<Link, protocol::Instant> m_busy_until;
    std::uint64_t m_delivered = 0;
    std::uint64_t m_lost = 0;
};

}  // namespace dynavg::simulation
