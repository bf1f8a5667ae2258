#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <zmq.hpp>

#include "daemon/doors/zap_handler.hpp"
#include "daemon/threads/exchange_thread.hpp"
#include "identity/keys.hpp"
#include "protocol/base/limits.hpp"

// The cost of encryption in a round: two peers on loopback average models of 10 MB, with keys and
// without, in turn with a bare CURVE stream that moves as much: 10 MB in each direction at once, in
// messages as long as a chunk. Prints ratios of rates, not verdicts.

namespace {

using namespace dynavg;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBytes = 10'000'000;
constexpr std::size_t kParameters = kBytes / sizeof(float);
constexpr int kTrials = 15;
constexpr std::chrono::seconds kPatience{60};

enum class Wire { plain, curve };

double rate_of(SteadyClock::time_point begin) {
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    return 2 * static_cast<double>(kBytes) / seconds / 1e6;
}

// --- rounds -------------------------------------------------------------------------------------

/// A peer with an exchange thread and a ZeroMQ context of its own, as a process has them.
struct Peer {
    Peer(boost::asio::io_context& io, std::int32_t number, Wire wire)
        : identity(std::make_shared<identity::Identity>(identity::make_identity())),
          member{number, identity->id, protocol::Incarnation(1)},
          zap(io, context, [](const daemon::Knock& knock) { return knock.key.hex(); }) {
        daemon::ExchangeThreadOptions options;
        options.bind = daemon::parse_bind("tcp://127.0.0.1:0", "").value();
        options.network = protocol::NetworkId(1);
        options.self = member.id;
        options.shape.parameters = kParameters;
        options.sequence = std::make_shared<daemon::MessageSequence>(protocol::Incarnation(1));
        if (wire == Wire::curve) {
            options.identity = identity;
            if (!zap.start()) std::exit(1);
        }
        thread.emplace(io, context, options, handlers());
        endpoint = thread->start().value();
    }

    [[nodiscard]] daemon::ExchangeThreadHandlers handlers() {
        return {
            .on_frozen = [](auto, auto) {},
            .on_done = [this](protocol::ExchangeResult result) { done = std::move(result); },
            .on_pulled = [](auto) {},
            .on_pull_failed = [](auto) {},
            .on_unusable = [](auto) {},
            .on_stalled = [](const auto&) {},
            .on_progress = [] {},
            .on_error =
                [](const Error& error) {
                    fmt::print(stderr, "{}\n", error.message);
                    std::exit(1);
                },
        };
    }

    daemon::ZmqContextPointer context = daemon::make_zmq_context();
    std::shared_ptr<identity::Identity> identity;
    protocol::Member member;
    daemon::ZapHandler zap;
    std::string endpoint;
    std::optional<protocol::ExchangeResult> done;
    std::optional<daemon::ExchangeThread> thread;
};

/// Two peers that average one round after the other.
class Rounds {
public:
    explicit Rounds(Wire wire) {
        for (std::int32_t number = 0; number < 2; ++number) {
            m_peers.push_back(std::make_unique<Peer>(m_io, number, wire));
            m_roster.push_back(m_peers.back()->member);
        }
        std::sort(m_roster.begin(), m_roster.end());
        m_peers[0]->thread->add_peer(m_peers[1]->member.id, m_peers[1]->endpoint);
        m_peers[1]->thread->add_peer(m_peers[0]->member.id, m_peers[0]->endpoint);
        m_reference = protocol::make_initial_reference({.parameters = kParameters},
                                                       std::vector<float>(kParameters, 1.0F), 1, 1);
    }

    /// Megabytes per second that both have sent together, from the start of the exchange until both
    /// have the mean. Copies of the models and the like are made before.
    [[nodiscard]] double next() {
        const protocol::Epoch target = m_reference->id.epoch.next();
        for (const auto& peer : m_peers) {
            peer->done.reset();
            peer->thread->set_reference(m_reference);
            auto contribution = std::make_shared<protocol::Contribution>();
            contribution->target = target;
            contribution->facts = {1, 1, 0};
            contribution->values = m_reference->values;
            peer->thread->freeze(target, [contribution](auto) { return contribution; });
        }
        const auto begin = SteadyClock::now();
        for (const auto& peer : m_peers) {
            protocol::ExchangeOrder order;
            order.key.round = {target, protocol::digest_of(m_roster)};
            order.roster = m_roster;
            order.self = peer->member;
            peer->thread->start_exchange(order);
        }
        while (!m_peers[0]->done || !m_peers[1]->done) {
            m_io.run_one_for(std::chrono::milliseconds(100));
            if (SteadyClock::now() - begin > kPatience) std::exit(1);
        }
        const double rate = rate_of(begin);
        m_reference = m_peers[0]->done->value;
        return rate;
    }

private:
    boost::asio::io_context m_io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{
        m_io.get_executor()};
    std::vector<std::unique_ptr<Peer>> m_peers;
    protocol::Roster m_roster;
    protocol::ReferencePointer m_reference;
};

// --- a bare stream ------------------------------------------------------------------------------

/// One direction: a connection with CURVE between two contexts, that may be used again and again.
class Stream {
public:
    Stream() {
        const auto keys = identity::make_identity();
        const auto own = identity::make_identity();
        m_receiver.set(zmq::sockopt::curve_server, true);
        m_receiver.set(zmq::sockopt::curve_secretkey, key(keys.secret.bytes()));
        m_receiver.bind("tcp://127.0.0.1:*");
        m_sender.set(zmq::sockopt::curve_serverkey, key(keys.id.bytes));
        m_sender.set(zmq::sockopt::curve_publickey, key(own.id.bytes));
        m_sender.set(zmq::sockopt::curve_secretkey, key(own.secret.bytes()));
        m_sender.connect(m_receiver.get(zmq::sockopt::last_endpoint));
    }

    void send() {
        const std::vector<std::byte> chunk(protocol::limits::kChunkBytes);
        for (std::size_t sent = 0; sent < kBytes; sent += chunk.size()) {
            m_sender.send(zmq::buffer(chunk), zmq::send_flags::none);
        }
    }
    void receive() {
        zmq::message_t message;
        for (std::size_t received = 0; received < kBytes; received += message.size()) {
            if (!m_receiver.recv(message)) std::exit(1);
        }
    }

private:
    static zmq::const_buffer key(std::span<const std::uint8_t, identity::kKeyBytes> bytes) {
        return zmq::buffer(bytes.data(), bytes.size());
    }

    zmq::context_t m_from, m_to;
    zmq::socket_t m_sender{m_from, zmq::socket_type::push};
    zmq::socket_t m_receiver{m_to, zmq::socket_type::pull};
};

/// Megabytes per second of both directions together.
double streamed(std::array<Stream, 2>& streams) {
    const auto begin = SteadyClock::now();
    std::vector<std::thread> threads;
    for (Stream& stream : streams) {
        threads.emplace_back([&stream] { stream.send(); });
        threads.emplace_back([&stream] { stream.receive(); });
    }
    for (std::thread& thread : threads) thread.join();
    return rate_of(begin);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main() {
    std::array<Stream, 2> streams;
    Rounds with_keys(Wire::curve);
    Rounds without(Wire::plain);
    std::vector<double> of_stream, of_plain;
    for (int trial = 0; trial <= kTrials; ++trial) {
        const double stream = streamed(streams);
        const double curve = with_keys.next();
        const double plain = without.next();
        if (trial == 0) continue;  // Connects, and warms caches and clocks.
        of_stream.push_back(curve / stream);
        of_plain.push_back(curve / plain);
        fmt::print(
            "bare CURVE stream {:.0f} MB/s, round with keys {:.0f} MB/s, without {:.0f} MB/s\n",
            stream, curve, plain);
    }
    fmt::print("round with keys / bare CURVE stream: median {:.2f}, least {:.2f} of {}\n",
               median(of_stream), *std::min_element(of_stream.begin(), of_stream.end()), kTrials);
    fmt::print("round with keys / round without: median {:.2f}\n", median(of_plain));
    return 0;
}
