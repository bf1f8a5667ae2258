#include "daemon/threads/exchange_thread.hpp"

#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/app/clock.hpp"
#include "daemon/app/open_files.hpp"
#include "daemon/threads/reporter.hpp"
#include "daemon/threads/thread_name.hpp"
#include "daemon/transport/bulk_transport.hpp"
#include "protocol/exchange/paced_sends.hpp"

namespace dynavg::daemon {

using protocol::ContributionPointer;
using protocol::Epoch;
using protocol::PeerId;

namespace {

class ExchangeReporter : public Reporter<ExchangeThreadHandlers> {
public:
    using Reporter::Reporter;

    /// One wake-up at a time, however many chunks come in.
    void report_progress() {
        if (m_progress_pending.exchange(true)) return;
        report([this](const ExchangeThreadHandlers& handlers) {
            m_progress_pending = false;
            handlers.on_progress();
        });
    }

private:
    std::atomic<bool> m_progress_pending = false;
};

struct SharedCounters {
    std::mutex mutex;
    TransportCounters value;
};

/// State that lives and dies on the exchange thread.
class Engine {
public:
    Engine(boost::asio::io_context& loop, ZmqContextPointer context,
           const ExchangeThreadOptions& options, ExchangeReporter& reporter,
           SharedCounters& counters)
        : m_reporter(reporter),
          m_counters(counters),
          m_sequence(*options.sequence),
          m_worker(options.shape, options.rules),
          m_bulk(loop, std::move(context),
                 {options.bind, options.network, options.identity, options.doors},
                 [this](const PeerId& from, const protocol::Message& message,
                        std::span<const std::byte> payload) { on_bulk(from, message, payload); }),
          m_timer(loop),
          m_paced_timer(loop) {
        m_paced.set_rate(options.bytes_per_second);
        m_header.network = options.network;
        m_header.sender_tag = options.self.tag();
    }

    [[nodiscard]] Expected<std::string, Error> bind() { return m_bulk.start(); }
    [[nodiscard]] protocol::ExchangeWorker& worker() { return m_worker; }
    [[nodiscard]] BulkTransport& bulk() { return m_bulk; }

    void set_reference(protocol::ReferencePointer reference) {
        m_header.epoch = reference->id.epoch;
        m_header.reference_tag = reference->id.digest.high;
        if (m_frozen && m_frozen->target < reference->id.epoch) m_frozen.reset();
        m_worker.set_reference(std::move(reference));
    }

    void freeze(Epoch target, const FreezeFunction& source) {
        // Every attempt at a target sends the same contribution.
        const bool known = m_frozen && m_frozen->target == target;
        ContributionPointer contribution = known ? m_frozen : source(target);
        if (contribution && !known) {
            m_frozen = contribution;
            m_worker.set_contribution(contribution);
        }
        m_reporter.report([target, contribution](const ExchangeThreadHandlers& handlers) {
            handlers.on_frozen(target, contribution);
        });
    }

    void set_rate(std::uint64_t bytes_per_second) { m_paced.set_rate(bytes_per_second); }

    void abort() {
        m_worker.abort();
        m_paced.drop_exchange();
    }

    void remove_peer(const PeerId& peer) {
        m_bulk.remove_peer(peer);
        m_paced.drop_peer(peer);
    }

    void start(protocol::ExchangeOrder order) {
        m_paced.drop_exchange();
        if (!m_frozen || m_frozen->target != order.key.round.target) return;
        m_worker.start(std::move(order), now());
    }

    /// To be called after whatever may have given the worker something to say.
    void carry_out();

private:
    void on_bulk(const PeerId& from, const protocol::Message& message,
                 std::span<const std::byte> payload);
    void send(const protocol::BulkSend& message);
    void send_paced();
    void set_timer(protocol::Instant at);

    ExchangeReporter& m_reporter;
    SharedCounters& m_counters;
    MessageSequence& m_sequence;
    protocol::Header m_header;
    ContributionPointer m_frozen;
    protocol::ExchangeWorker m_worker;
    BulkTransport m_bulk;
    boost::asio::steady_timer m_timer;
    protocol::Instant m_timer_at = protocol::kNever;
    protocol::PacedSends m_paced;
    boost::asio::steady_timer m_paced_timer;
    bool m_paced_waits = false;  ///< Its timer runs.
};

void Engine::on_bulk(const PeerId& from, const protocol::Message& message,
                     std::span<const std::byte> payload) {
    if (const auto* request = std::get_if<protocol::ChunkRequest>(&message)) {
        m_worker.on_chunk_request(from, *request, now());
    } else if (const auto* chunk = std::get_if<protocol::Chunk>(&message)) {
        m_worker.on_chunk(from, *chunk, payload, now());
    }
    carry_out();
}

void Engine::send(const protocol::BulkSend& message) {
    m_header.sequence = m_sequence.next();
    m_bulk.send(m_header, message);
}

/// Requests are small, and others wait for them; only chunks are paced.
void Engine::send_paced() {
    const protocol::Instant at_first = now();
    while (const auto chunk = m_paced.take(at_first)) send(*chunk);
    const protocol::Instant next = m_paced.next_tick(now());
    if (next == protocol::kNever || m_paced_waits) return;
    m_paced_waits = true;
    m_paced_timer.expires_at(std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(next.time_since_epoch())));
    m_paced_timer.async_wait([this](const boost::system::error_code& error) {
        m_paced_waits = false;
        if (!error) carry_out();
    });
}

// Order: results first, because the io thread can work on them while we send.
void Engine::carry_out() {
    auto actions = m_worker.take_actions();
    if (actions.done) {
        m_reporter.report(
            [result = std::move(*actions.done)](const ExchangeThreadHandlers& handlers) mutable {
                handlers.on_done(std::move(result));
            });
    }
    if (actions.pulled) {
        m_reporter.report(
            [pulled = std::move(actions.pulled)](const ExchangeThreadHandlers& handlers) mutable {
                handlers.on_pulled(std::move(pulled));
            });
    }
    if (actions.pull_failed) {
        m_reporter.report([error = std::move(*actions.pull_failed)](
                              const ExchangeThreadHandlers& handlers) mutable {
            handlers.on_pull_failed(std::move(error));
        });
    }
    if (!actions.unusable.empty()) {
        m_reporter.report([unusable = std::move(actions.unusable)](
                              const ExchangeThreadHandlers& handlers) mutable {
            handlers.on_unusable(std::move(unusable));
        });
    }
    if (!actions.stalled.empty()) {
        m_reporter.report(
            [stalled = std::move(actions.stalled)](const ExchangeThreadHandlers& handlers) mutable {
                handlers.on_stalled(std::move(stalled));
            });
    }
    if (actions.progressed) m_reporter.report_progress();
    for (auto& message : actions.sends) {
        const bool is_chunk = std::holds_alternative<protocol::Chunk>(message.message);
        if (is_chunk && m_paced.rate() > 0) {
            (void)m_paced.put(std::move(message));
        } else {
            send(message);
        }
    }
    send_paced();
    set_timer(actions.next_tick);
    const std::lock_guard lock(m_counters.mutex);
    m_counters.value = m_bulk.counters();
}

void Engine::set_timer(protocol::Instant at) {
    if (at == m_timer_at) return;
    m_timer_at = at;
    m_timer.cancel();
    if (at == protocol::kNever) return;
    m_timer.expires_at(std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch())));
    m_timer.async_wait([this, at](const boost::system::error_code& error) {
        if (error || m_timer_at != at) return;
        m_timer_at = protocol::kNever;
        m_worker.on_tick(now());
        carry_out();
    });
}

}  // namespace

struct ExchangeThread::Parts {
    Parts(boost::asio::io_context& io, ZmqContextPointer zmq_context,
          ExchangeThreadOptions thread_options, ExchangeThreadHandlers handlers)
        : context(std::move(zmq_context)),
          options(std::move(thread_options)),
          reporter(std::make_shared<ExchangeReporter>(io, std::move(handlers))) {}

    /// Body of the thread: everything that the exchange owns is made and ended here.
    void run(std::promise<Expected<std::string, Error>> bound);

    /// Has the exchange thread call `command(engine)`.
    template <class Command>
    void post(Command command) {
        if (!running) return;
        boost::asio::post(loop, [this, command = std::move(command)]() mutable {
            command(*engine);
            engine->carry_out();
        });
    }

    ZmqContextPointer context;
    ExchangeThreadOptions options;
    std::shared_ptr<ExchangeReporter> reporter;
    SharedCounters counters;
    boost::asio::io_context loop{1};
    Engine* engine = nullptr;  ///< Used on the exchange thread only.
    std::thread thread;
    bool running = false;  ///< Used on the io thread only.
};

void ExchangeThread::Parts::run(std::promise<Expected<std::string, Error>> bound) {
    name_this_thread("exchange");
    bool told = false;
    try {
        const auto work = boost::asio::make_work_guard(loop);
        Engine owned(loop, context, options, *reporter, counters);
        engine = &owned;
        auto endpoint = owned.bind();
        const bool usable = endpoint.has_value();
        told = true;
        bound.set_value(std::move(endpoint));
        if (usable) loop.run();
    } catch (const std::exception& error) {
        Error failure{"the exchange thread has ended: " + told_as_error(error).message};
        if (!told) return bound.set_value(Unexpected<Error>(std::move(failure)));
        reporter->report(
            [failure](const ExchangeThreadHandlers& handlers) { handlers.on_error(failure); });
    }
}

ExchangeThread::ExchangeThread(boost::asio::io_context& io, ZmqContextPointer context,
                               ExchangeThreadOptions options, ExchangeThreadHandlers handlers)
    : m_parts(std::make_unique<Parts>(io, std::move(context), std::move(options),
                                      std::move(handlers))) {}

ExchangeThread::~ExchangeThread() {
    stop();
}

Expected<std::string, Error> ExchangeThread::start() {
    std::promise<Expected<std::string, Error>> promise;
    auto bound = promise.get_future();
    m_parts->thread = std::thread([parts = m_parts.get(), promise = std::move(promise)]() mutable {
        parts->run(std::move(promise));
    });
    auto endpoint = bound.get();
    m_parts->running = endpoint.has_value();
    if (!endpoint) m_parts->thread.join();
    return endpoint;
}

void ExchangeThread::stop() {
    m_parts->reporter->stop();
    m_parts->running = false;
    m_parts->loop.stop();
    if (m_parts->thread.joinable()) m_parts->thread.join();
}

void ExchangeThread::add_peer(PeerId peer, std::string endpoint, Existing existing) {
    m_parts->post([peer, endpoint = std::move(endpoint), existing](Engine& engine) {
        (void)engine.bulk().add_peer(peer, endpoint, existing);
    });
}

void ExchangeThread::remove_peer(PeerId peer) {
    m_parts->post([peer](Engine& engine) { engine.remove_peer(peer); });
}

void ExchangeThread::set_reference(protocol::ReferencePointer reference) {
    m_parts->post([reference = std::move(reference)](Engine& engine) mutable {
        engine.set_reference(std::move(reference));
    });
}

void ExchangeThread::set_prepared(protocol::ReferencePointer prepared) {
    m_parts->post([prepared = std::move(prepared)](Engine& engine) mutable {
        engine.worker().set_prepared(std::move(prepared));
    });
}

void ExchangeThread::freeze(Epoch target, FreezeFunction source) {
    m_parts->post(
        [target, source = std::move(source)](Engine& engine) { engine.freeze(target, source); });
}

void ExchangeThread::start_exchange(protocol::ExchangeOrder order) {
    m_parts->post(
        [order = std::move(order)](Engine& engine) mutable { engine.start(std::move(order)); });
}

void ExchangeThread::abort_exchange() {
    m_parts->post([](Engine& engine) { engine.abort(); });
}

void ExchangeThread::pull(protocol::ReferenceId wanted, PeerId source) {
    m_parts->post(
        [wanted, source](Engine& engine) { engine.worker().pull(wanted, source, now()); });
}

void ExchangeThread::abort_pull() {
    m_parts->post([](Engine& engine) { engine.worker().abort_pull(); });
}

void ExchangeThread::set_rate(std::uint64_t bytes_per_second) {
    m_parts->post([bytes_per_second](Engine& engine) { engine.set_rate(bytes_per_second); });
}

TransportCounters ExchangeThread::counters() const {
    const std::lock_guard lock(m_parts->counters.mutex);
    return m_parts->counters.value;
}

}  // namespace dynavg::daemon
