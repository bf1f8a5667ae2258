#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "simulation/faults/faults.hpp"
#include "simulation/faults/person.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// Lets the faults of a schedule happen to a network and its peers. One that cannot (a peer that is
/// down does not crash) is left out. Several may hold at a time.
class FaultInjector {
public:
    /// All outlive the last event.
    FaultInjector(EventQueue& events, Network& network,
                  std::span<const std::unique_ptr<Peer>> peers, std::uint64_t seed);
    FaultInjector(const FaultInjector&) = delete;
    FaultInjector& operator=(const FaultInjector&) = delete;
    ~FaultInjector() = default;

    /// The schedule's times count from now.
    void start(const FaultSchedule& faults);
    /// The fate of the peers outside the core.
    enum class Others : std::uint8_t { dead, dead_or_cut_off, revoked };
    /// Ends all faults and starts no more. These peers are up and hear each other; the others are
    /// dead or cut off from them, for ever, or knock at closed doors.
    void heal(const std::set<PeerIndex>& core, Others others);

    /// It is down and will not start again by itself.
    [[nodiscard]] bool is_lost(PeerIndex peer) const;
    [[nodiscard]] bool is_revoked(PeerIndex peer) const { return m_person.has_revoked(peer); }
    /// Since when no fault holds; none while one does.
    [[nodiscard]] std::optional<protocol::Instant> quiet_since() const;

private:
    using Id = std::uint64_t;
    /// A fault that holds, and how it ends.
    struct Holding {
        std::function<void()> end;
        std::optional<PeerIndex> down;  ///< Ends with the start of this peer.
        bool for_ever = false;
    };

    void begin(const Fault& fault);
    void crash(const Fault& fault);
    void diverge(const Fault& fault, Peer& peer);
    void befall(const Fault& fault, Peer& peer);
    void break_links(const Fault& fault);
    /// Calls `end` after the fault's length, or as all faults end.
    void hold(const Fault& fault, Holding holding);
    void finish(Id id);

    EventQueue& m_events;
    Network& m_network;
    std::span<const std::unique_ptr<Peer>> m_peers;
    protocol::RandomStream m_random;
    Person m_person;
    bool m_healed = false;
    std::map<Id, Holding> m_holding;
    Id m_last_id = 0;
    protocol::Instant m_last_end{};
};

}  // namespace dynavg::simulation
