#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discovery/actions.hpp"
#include "discovery/backoff.hpp"

namespace dynavg::discovery {

/// Whether a peer may tell this address: one that protocol::parse_host_port() reads, with a port
/// above 0, and not too long.
[[nodiscard]] bool is_address(const std::string& text);

/// Addresses that other peers told us. A list may lie: entries are bounded in all and per teller,
/// few are dialed at a time, and one that does not answer a few times rests for minutes, however
/// often it is told. Pure.
///
/// States of an address: waiting (for its turn), dialing, resting (did not answer, or needs no
/// dial), refused. It leaves when its rest is over.
class LearnedAddresses {
public:
    explicit LearnedAddresses(protocol::RandomStream random) : m_random(random) {}

    /// Unusable addresses and those beyond the bounds are ignored. The caller passes on
    /// neither peers that it knows already nor itself.
    void learn(protocol::PeerId teller, const protocol::KnownPeer& peer);
    void on_tick(protocol::Instant now, Actions& actions);
    /// It has answered, or need not be dialed from here for another reason.
    void rest(const std::string& address, protocol::Instant now);
    void on_refused(const std::string& address, protocol::Instant now);
    void retry_refused(protocol::Instant now);

    [[nodiscard]] std::size_t size() const { return m_entries.size(); }
    [[nodiscard]] bool knows(const std::string& address) const;
    [[nodiscard]] protocol::Instant next_tick() const;

private:
    enum class State { waiting, dialing, resting, refused };
    struct Entry {
        protocol::PeerId peer;
        protocol::PeerId teller;
        State state = State::waiting;
        Backoff dialing;
        Backoff refused;
        protocol::Instant next{};  ///< Next dial, or the end of the rest.
        unsigned dials = 0;
    };
    [[nodiscard]] std::size_t in_flight() const;
    [[nodiscard]] protocol::Instant earliest() const;

    std::map<std::string, Entry> m_entries;
    protocol::RandomStream m_random;
    /// Cached: next_tick() is called with every message, while few messages change the entries.
    mutable std::optional<protocol::Instant> m_next_tick;
};

}  // namespace dynavg::discovery
