#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/transport/address.hpp"
#include "daemon/transport/message_sequence.hpp"
#include "daemon/transport/traffic.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/reference.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

class DoorWatch;

struct ExchangeThreadOptions {
    BindSettings bind;
    protocol::NetworkId network;
    protocol::PeerId self;
    protocol::ReferenceShape shape;
    std::shared_ptr<MessageSequence> sequence;  ///< Shared with the io thread's messages.
    protocol::OuterRules rules{};
    /// Null: plain sockets.
    std::shared_ptr<const identity::Identity> identity{};
    DoorWatch* doors = nullptr;          ///< As in ZmqTransportOptions.
    std::uint64_t bytes_per_second = 0;  ///< As set_rate().
};

/// Called on the io thread, from its loop, never after stop(). All must be set.
struct ExchangeThreadHandlers {
    /// The contribution that freeze() brought. Null: the trainer has stopped or is past the target
    /// already, and start_exchange() of that target will do nothing.
    std::function<void(protocol::Epoch target, protocol::ContributionPointer)> on_frozen;
    std::function<void(protocol::ExchangeResult)> on_done;
    std::function<void(protocol::ReferencePointer)> on_pulled;
    std::function<void(Error)> on_pull_failed;
    std::function<void(std::vector<std::pair<protocol::Member, std::string>>)> on_unusable;
    std::function<void(std::vector<protocol::Member>)> on_stalled;
    std::function<void()> on_progress;    ///< Chunks came in; coalesced.
    std::function<void(Error)> on_error;  ///< The thread has ended by an exception: our own bug.
};

/// Makes a contribution; called on the exchange thread (TrainerThread::freeze).
using FreezeFunction = std::function<protocol::ContributionPointer(protocol::Epoch target)>;

/// The thread "exchange": owns the bulk sockets and the ExchangeWorker, so that a transfer of 100
/// MB never delays a heartbeat. Carries out the worker's actions and reports results to the io
/// thread.
///
/// Thread: start, stop and all commands are called on the io thread (or before its loop runs);
/// commands are carried out in the order given, on the exchange thread, and are no-ops before
/// start() and after stop(). Errors: binding, at start().
class ExchangeThread {
public:
    ExchangeThread(boost::asio::io_context& io, ZmqContextPointer context,
                   ExchangeThreadOptions options, ExchangeThreadHandlers handlers);
    ~ExchangeThread();
    ExchangeThread(const ExchangeThread&) = delete;
    ExchangeThread& operator=(const ExchangeThread&) = delete;

    /// Binds and starts the thread; returns the bulk endpoint as advertised.
    [[nodiscard]] Expected<std::string, Error> start();
    /// Joins the thread. Idempotent. A freeze in progress must be able to return: stop the trainer
    /// thread first.
    void stop();

    /// An endpoint that is no address is ignored: the rounds then accuse the link.
    void add_peer(protocol::PeerId peer, std::string endpoint, Existing existing = Existing::keep);
    void remove_peer(protocol::PeerId peer);

    void set_reference(protocol::ReferencePointer reference);
    void set_prepared(protocol::ReferencePointer prepared);
    /// Asks `source` for the contribution to the target, once: later freezes for the same target
    /// report the same one.
    void freeze(protocol::Epoch target, FreezeFunction source);
    void start_exchange(protocol::ExchangeOrder order);
    void abort_exchange();
    void pull(protocol::ReferenceId wanted, protocol::PeerId source);
    void abort_pull();
    /// Models are sent no faster than so many bytes per second, 0: without bound.
    /// protocol::PacedSends says when the bound gives way.
    void set_rate(std::uint64_t bytes_per_second);

    /// As of the last wake-up of the exchange thread. Thread-safe.
    [[nodiscard]] TransportCounters counters() const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
