#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The part of the local drift that is in a reference already.
enum class Spent : std::uint8_t {
    nothing,
    frozen,  ///< The part that the last freeze of this life copied.
    given,   ///< The part that an earlier life gave, as the restart restored it.
};

/// Moves the local model to a reference. The drift is kept, except what is spent.
struct Install {
    ReferencePointer reference;
    Spent spent = Spent::nothing;
};

/// Kamp's balancing is due. It takes the models of several peers at once, which no peer has, so
/// only the simulator carries it out.
struct BalancingOrder {
    ReferenceId reference;
    std::uint32_t step = 0;      ///< Since the reference; all models stand there.
    std::set<PeerId> violators;  ///< Peers with a drift above the threshold.
    bool operator==(const BalancingOrder&) const = default;
};

enum class BalancingOutcome : std::uint8_t {
    balanced,  ///< Some models are their mean now; the reference stays.
    for_all,   ///< It would take too many of them: all are to be averaged.
};

struct PullOrder {
    ReferenceId wanted;
    PeerId source;
};

/// The shell's orders, to be carried out in this order.
struct Actions {
    /// 1. Install, before any further local step.
    std::optional<Install> install;
    /// 2. Freeze a contribution for this epoch: copy the parameters as they stand, after the
    ///    install and before any further step. It is needed only by start_exchange.
    std::optional<Epoch> freeze;
    /// 3. Drop the exchange in progress.
    bool abort_exchange = false;
    /// 4. The value that others may ask for while it is prepared; nullptr: none.
    std::optional<ReferencePointer> prepared;
    std::optional<ExchangeOrder> start_exchange;
    /// Give up the pull in progress, before a new one.
    bool abort_pull = false;
    std::optional<PullOrder> pull;
    /// local-balanced: once for a step, at each member alike; on_balanced() reports the outcome.
    /// No daemon is ever asked, see config::check_daemon_rules().
    std::optional<BalancingOrder> balance;
    /// 5. How many local steps of this life the trainer may have done; it waits there.
    std::uint64_t allowed_steps = 0;
    /// 6. Keep on disk, in this order, after the install's reference; on_promise_written() and
    ///    on_prepared_written() report it. Words that must not be said before wait in the core. A
    ///    newer order replaces an older one that could not be carried out yet.
    std::optional<Promise> write_promise;
    std::optional<PreparedRecord> write_prepared;
    /// 7. Messages. A published message may be lost; a sent one is not, while its peer is
    ///    connected.
    std::vector<Message> publish;
    std::vector<std::pair<PeerId, Message>> send;
    bool heartbeat_now = false;
    std::vector<Event> events;
    Instant next_tick = kNever;
};

/// Drops messages of this kind that are about to be published: a later one says all of it.
template <class T>
void retract(Actions& actions) {
    std::erase_if(actions.publish,
                  [](const Message& message) { return std::holds_alternative<T>(message); });
}

}  // namespace dynavg::protocol
