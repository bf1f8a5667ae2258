#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discovery/actions.hpp"
#include "discovery/backoff.hpp"

namespace dynavg::discovery {

/// An address from the configuration.
struct Seed {
    std::string address;
    std::optional<protocol::PeerId> peer;  ///< Known in a network with keys.
    /// Not configured but met in an earlier life: nobody is told if it is not there any more.
    std::optional<protocol::KnownPeer> met{};
};

/// unanswered: dialed with back-off, for ever. answered: its peer is live or has left; not dialed.
/// refused: dialed slowly, since one side may be reconfigured.
enum class SeedState { unanswered, answered, refused };

/// The configured addresses, retried for ever. Any one that is up is enough. An unreachable one is
/// a warning once, then ever more rarely up to once an hour, and an info when it is reached after
/// all. Pure; O(seeds) per call.
class Seeds {
public:
    /// Duplicates, `own_address` and what is beyond kSeedsMax are dropped. All are dialed at once.
    Seeds(const std::vector<Seed>& seeds, const std::string& own_address,
          protocol::RandomStream random);

    /// The configuration has other addresses now: new ones are dialed at once, those that it names
    /// no longer are dropped; a peer that answered there stays. Those met in an earlier life stay.
    void configure(const std::vector<Seed>& seeds);

    /// Dials that are due, and warnings about the unreachable.
    void on_tick(protocol::Instant now, Actions& actions);
    /// This address, or an alias of it, belongs to `peer`, which has joined.
    void on_answered(const std::string& address, protocol::PeerId peer, protocol::Instant now,
                     Actions& actions);
    void on_refused(const std::string& address, protocol::Instant now);
    /// This node itself answered there: the seed is dropped.
    void drop(const std::string& address);
    /// The peer is suspected or gone: seeds that led to it are dialed again.
    void on_peer_lost(protocol::PeerId peer, protocol::Instant now);
    void retry_refused(protocol::Instant now);
    /// Its peer is lost, and its return is to be found soon: dialed now, unless that was just done.
    void hasten(const std::string& address, protocol::Instant now);

    /// Such an address is dialed here, so nobody else needs to.
    [[nodiscard]] bool dials(const std::string& address) const;
    /// Addresses that are dialed and have not answered yet.
    [[nodiscard]] std::vector<std::string> unanswered() const;
    /// Those met in an earlier life that have not answered in this one.
    [[nodiscard]] std::vector<protocol::KnownPeer> still_missed() const;
    [[nodiscard]] std::optional<SeedState> state(const std::string& address) const;
    [[nodiscard]] protocol::Instant next_tick() const;

private:
    struct Entry {
        Seed seed;
        SeedState state = SeedState::unanswered;
        Backoff dialing;
        Backoff refused;
        protocol::Instant next_dial{};
        std::optional<protocol::Instant> last_dial;
        std::optional<protocol::Instant> next_warning;  ///< None until dialed.
        protocol::Duration warning_interval;
        bool warned = false;
        bool has_answered = false;
        std::optional<protocol::PeerId> answered_by;
    };
    void add(const Seed& seed);
    [[nodiscard]] Entry* find(const std::string& address);
    void warn(Entry& entry, protocol::Instant now, Actions& actions);

    std::string m_own_address;
    std::vector<Entry> m_entries;
    protocol::RandomStream m_random;
};

}  // namespace dynavg::discovery
