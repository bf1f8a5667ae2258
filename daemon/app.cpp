#include "daemon/app.hpp"

#include <algorithm>
#include <csignal>
#include <limits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "control/replies.hpp"
#include "daemon/clock.hpp"
#include "daemon/control_server.hpp"
#include "daemon/exchange_thread.hpp"
#include "daemon/status.hpp"
#include "daemon/trainer_thread.hpp"
#include "daemon/zmq_transport.hpp"
#include "discovery/node.hpp"
#include "protocol/digest.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

/// How long goodbyes may take to leave at the end.
constexpr std::chrono::milliseconds kGoodbyeLinger{500};

protocol::NetworkId network_id(const std::string& name) {
    const protocol::Digest digest = protocol::Digester().add(std::string_view(name)).finish();
    return protocol::NetworkId(static_cast<std::uint32_t>(digest.high));
}

ZmqTransportOptions transport_options(const BindSettings& bind, const config::Config& config,
                                      std::size_t parameters) {
    ZmqTransportOptions options;
    options.bind = bind;
    if (config.averaging.monitor == protocol::MonitorKind::exact) {
        options.gossip_message_bytes_max += parameters * sizeof(float);
        options.direct_message_bytes_max += parameters * sizeof(float);
    }
    return options;
}

/// What has been sent and received until a moment, to tell the cost of a round.
struct Cost {
    std::uint64_t sent = 0;        ///< Averaging.
    std::uint64_t received = 0;    ///< Averaging.
    std::uint64_t monitoring = 0;  ///< Sent.
};

}  // namespace

std::string version() {
    return DYNAVG_VERSION;
}

struct App::Parts {
    Parts(const config::Config& configuration, Learning made, protocol::Incarnation life, Log& out)
        : config(configuration), learning(std::move(made)), log(out) {
        self.order = config.node.order;
        self.id = protocol::PeerId::from_name(config.node.name);
        self.incarnation = life;
    }

    // start
    [[nodiscard]] Expected<void, Error> start();
    [[nodiscard]] Expected<protocol::Endpoints, Error> bind();
    [[nodiscard]] Expected<void, Error> open_control();
    void make_node(const protocol::Endpoints& endpoints);
    void start_learning();
    [[nodiscard]] ZmqTransportHandlers transport_handlers();
    [[nodiscard]] ExchangeThreadHandlers exchange_handlers();

    // the loop
    void act();
    void carry_out(discovery::NodeActions actions);
    void carry_out_rounds(const protocol::Actions& actions);
    void connect(const discovery::Connect& connect);
    void wake_at(protocol::Instant when);
    void settings_learned(const protocol::NetworkFields& fields);
    void on_installed(const protocol::Install& install);
    void finish_if_done();
    void training_complete();
    void leave(const std::string& reason, int code);
    void stop();

    // outputs
    void report(Event event);
    [[nodiscard]] Cost cost() const;
    [[nodiscard]] TransportCounters counters() const;
    [[nodiscard]] nlohmann::json answer(const nlohmann::json& request);
    [[nodiscard]] control::StatusReply status() const;

    config::Config config;
    Learning learning;
    Log& log;
    protocol::Member self;
    protocol::Instant started_at = now();

    boost::asio::io_context io{1};
    boost::asio::signal_set signals{io};
    boost::asio::steady_timer timer{io};
    ZmqContextPointer context = make_zmq_context();
    std::optional<discovery::Node> node;
    std::optional<ZmqTransport> transport;
    std::optional<ExchangeThread> exchange;
    std::optional<TrainerThread> trainer;
    std::optional<EvaluationThread> evaluator;
    std::unique_ptr<ControlServer> control;

    AppOutcome outcome;
    bool acting = false;
    bool act_again = false;
    bool stopping = false;
    bool completed = false;
    std::uint64_t allowed_steps = 0;
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    std::uint64_t rounds = 0;
    Cost last_cost;
    std::optional<std::pair<protocol::ReferenceId, protocol::Evaluation>> evaluation;
    protocol::ReferencePointer evaluation_asked;
    protocol::Instant next_wake = protocol::kNever;
};

// --- start ------------------------------------------------------------------------------------

Expected<void, Error> App::Parts::start() {
    const auto endpoints = bind();
    if (!endpoints) return Unexpected<Error>(endpoints.error());
    if (auto opened = open_control(); !opened) return opened;
    report(Event("started", Level::info,
                 fmt::format("dynavgd {} of network {} listens at {} and has {} peers to dial",
                             version(), config.node.network, endpoints->direct,
                             config.node.peers.size()))
               .with("version", version())
               .with("peer_id", self.id.fingerprint())
               .with("bind", endpoints->direct)
               .with("model", learning.model)
               .with("parameters", learning.initial->parameters));
    report(Event("insecure", Level::warning,
                 "connections are neither encrypted nor authenticated (insecure = true): whoever "
                 "reaches this machine's loopback ports can read and change the model"));
    make_node(*endpoints);
    signals.add(SIGTERM);
    signals.add(SIGINT);
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
        if (!error) leave(signal == SIGTERM ? "SIGTERM" : "SIGINT", 0);
    });
    act();
    return {};
}

Expected<protocol::Endpoints, Error> App::Parts::bind() {
    const auto settings = parse_bind(config.node.bind, config.node.advertise);
    if (!settings) return Unexpected<Error>(settings.error());
    transport.emplace(io, context,
                      transport_options(*settings, config, learning.initial->parameters),
                      transport_handlers());
    auto endpoints = transport->start();
    if (!endpoints) return endpoints;
    ExchangeThreadOptions options;
    options.bind = *settings;
    options.network = network_id(config.node.network);
    options.self = self.id;
    options.shape = learning.initial->shape();
    options.sequence = std::make_shared<MessageSequence>(self.incarnation);
    exchange.emplace(io, context, options, exchange_handlers());
    auto bulk = exchange->start();
    if (!bulk) return Unexpected<Error>(bulk.error());
    endpoints->bulk = *bulk;
    return endpoints;
}

Expected<void, Error> App::Parts::open_control() {
    ControlServerOptions options;
    options.socket = config.node.control;
    auto server = ControlServer::listen(
        io, options, [this](const nlohmann::json& request) { return answer(request); });
    if (!server) return Unexpected<Error>(server.error());
    control = std::move(*server);
    return {};
}

void App::Parts::make_node(const protocol::Endpoints& endpoints) {
    discovery::MembershipOptions membership;
    membership.self = self;
    membership.name = config.node.name;
    membership.endpoints = endpoints;
    membership.fields = learning.fields;
    for (const std::string& address : config.node.peers) membership.seeds.push_back({address, {}});
    membership.random_seed = self.incarnation.value();
    node.emplace(network_id(config.node.network), std::move(membership), now());
    if (config.has_averaging_section) start_learning();
}

void App::Parts::start_learning() {
    if (learning.evaluate) {
        evaluator.emplace(
            io, learning.evaluate,
            [this](protocol::ReferenceId id, const protocol::Evaluation& result) {
                evaluation = {id, result};
                report(Event("evaluated", Level::info,
                             fmt::format("reference {} is right on {:.2f} % of {} "
                                         "test samples",
                                         id.epoch.value(), 100 * result.accuracy, result.samples))
                           .with("accuracy", result.accuracy)
                           .with("loss", result.loss)
                           .with("samples", result.samples)
                           .with("model", std::string("reference")));
                finish_if_done();
            });
    }
    exchange->set_reference(learning.initial);
    TrainerThreadOptions options;
    options.reference = learning.initial;
    if (config.training.max_steps > 0) options.max_steps = config.training.max_steps;
    options.check_every = config.averaging.check_every;
    TrainerThreadHandlers handlers;
    handlers.on_report = [this](const protocol::StepReport& step) {
        steps = step.steps;
        steps_since_reference = step.steps_since_reference;
        node->core()->on_step(step, now());
        act();
    };
    handlers.on_diverged = [this](std::uint64_t lost) {
        report(Event("diverged", Level::warning,
                     "the local model became infinite or not a number: its drift is dropped and "
                     "training goes on from the reference; lower the learning rate or look at the "
                     "data")
                   .with("steps", lost));
    };
    handlers.on_error = [this](const Error& error) {
        report(Event("failed", Level::error, error.message));
        leave(error.message, 1);
    };
    trainer.emplace(io, *learning.learner, options, std::move(handlers));
    node->start_core({self, config.averaging, learning.initial, config.node.start_peers}, now());
    trainer->start();
}

ZmqTransportHandlers App::Parts::transport_handlers() {
    ZmqTransportHandlers handlers;
    using Bytes = ZmqTransportHandlers::Bytes;
    handlers.on_gossip = [this](const protocol::PeerId& publisher, Bytes bytes) {
        const auto verdict = node->on_gossip(publisher, bytes, now());
        act();
        return verdict;
    };
    handlers.on_direct = [this](const ConnectionId& connection, Bytes bytes) {
        const auto verdict = node->on_direct(connection.bytes, bytes, now());
        act();
        return verdict;
    };
    handlers.on_reply = [this](const std::string& address, Bytes bytes) {
        const auto verdict = node->on_reply(address, bytes, now());
        act();
        return verdict;
    };
    return handlers;
}

ExchangeThreadHandlers App::Parts::exchange_handlers() {
    ExchangeThreadHandlers handlers;
    handlers.on_frozen = [](protocol::Epoch, const protocol::ContributionPointer&) {};
    handlers.on_done = [this](const protocol::ExchangeResult& result) {
        node->core()->on_exchange_done(result, now());
        act();
    };
    handlers.on_pulled = [this](const protocol::ReferencePointer& reference) {
        node->core()->on_pulled(reference, now());
        act();
    };
    handlers.on_pull_failed = [this](const Error& error) {
        node->core()->on_pull_failed(error, now());
        act();
    };
    handlers.on_unusable = [this](const auto& unusable) {
        for (const auto& [member, reason] : unusable) {
            node->core()->on_unusable_contribution(member, reason, now());
        }
        act();
    };
    handlers.on_progress = [this] { node->core()->on_exchange_progress(now()); };
    handlers.on_error = [this](const Error& error) {
        report(Event("failed", Level::error, error.message));
        leave(error.message, 1);
    };
    return handlers;
}

// --- the loop ---------------------------------------------------------------------------------

/// Carries out what the rules ask for. Sending may deliver what came in meanwhile: that is looked
/// at in another turn.
void App::Parts::act() {
    act_again = true;
    if (std::exchange(acting, true)) return;
    while (std::exchange(act_again, false) && !stopping) carry_out(node->take_actions(now()));
    acting = false;
    finish_if_done();
}

/// The written order: who is there, then the model, then messages, then the log.
void App::Parts::carry_out(discovery::NodeActions actions) {
    if (actions.network_fields) return settings_learned(*actions.network_fields);
    for (const protocol::PeerId& peer : actions.disconnects) {
        transport->unsubscribe(peer);
        transport->close(peer);
        exchange->remove_peer(peer);
    }
    for (const std::string& address : actions.hangups) transport->close_address(address);
    for (const discovery::Connect& one : actions.connects) connect(one);
    if (node->core() != nullptr) carry_out_rounds(actions.rounds);
    for (const auto& [dial, hello] : actions.dials) {
        if (auto dialed = transport->dial(dial.address); !dialed) continue;
        transport->send_to_address(dial.address, hello.bytes, hello.traffic);
    }
    for (const auto& [connection, frame] : actions.replies) {
        transport->reply({connection}, frame.bytes, frame.traffic);
    }
    for (const discovery::Frame& frame : actions.publish) {
        transport->publish(frame.bytes, frame.traffic);
    }
    for (const auto& [peer, frame] : actions.sends) {
        transport->send(peer, frame.bytes, frame.traffic);
    }
    for (Event& event : actions.events) report(std::move(event));
    wake_at(actions.next_tick);
}

void App::Parts::carry_out_rounds(const protocol::Actions& actions) {
    if (actions.install) on_installed(*actions.install);
    if (actions.freeze) {
        exchange->freeze(*actions.freeze,
                         [this](protocol::Epoch target) { return trainer->freeze(target); });
    }
    if (actions.abort_exchange) exchange->abort_exchange();
    if (actions.prepared) exchange->set_prepared(*actions.prepared);
    if (actions.start_exchange) exchange->start_exchange(*actions.start_exchange);
    if (actions.pull) exchange->pull(actions.pull->wanted, actions.pull->source);
    if (actions.allowed_steps != allowed_steps) {
        allowed_steps = actions.allowed_steps;
        trainer->allow_until(allowed_steps);
    }
}

void App::Parts::on_installed(const protocol::Install& install) {
    trainer->install(install);
    exchange->set_reference(install.reference);
    ++rounds;
    const bool due = evaluator && config.data.test && rounds % config.data.test->every_rounds == 0;
    if (due) {
        evaluation_asked = install.reference;
        evaluator->evaluate(install.reference);
    }
}

void App::Parts::connect(const discovery::Connect& one) {
    // An endpoint that is no address leaves the peer unheard: the rounds then accuse the link.
    (void)transport->subscribe(one.peer, one.endpoints.gossip);
    (void)transport->dial(one.endpoints.direct);
    transport->bind_peer(one.peer, one.endpoints.direct);
    exchange->add_peer(one.peer, one.endpoints.bulk);
}

void App::Parts::wake_at(protocol::Instant when) {
    if (when == next_wake) return;
    next_wake = when;
    if (when == protocol::kNever) {
        timer.cancel();
        return;
    }
    timer.expires_at(std::chrono::steady_clock::time_point(when.time_since_epoch()));
    timer.async_wait([this](const boost::system::error_code& error) {
        if (error || stopping) return;
        next_wake = protocol::kNever;
        node->on_tick(now());
        act();
    });
}

void App::Parts::settings_learned(const protocol::NetworkFields& fields) {
    const auto settings = protocol::averaging_from_fields(fields);
    if (!settings) {
        report(Event("failed", Level::error,
                     settings.error().message + "; configure [averaging] as the network has it"));
        return leave(settings.error().message, 1);
    }
    outcome.learned = *settings;
    report(Event("settings_learned", Level::info,
                 "the network's averaging settings are taken over; this node starts with them"));
    stop();
}

/// Nothing will happen any more: tell the result and, if asked to, leave.
void App::Parts::finish_if_done() {
    if (stopping || acting || !node || node->core() == nullptr) return;
    const protocol::NodeCore& core = *node->core();
    if (!core.is_finished()) return;
    if (evaluator) {
        if (evaluation_asked != core.reference()) {
            evaluation_asked = core.reference();
            evaluator->evaluate(core.reference());
        }
        if (!evaluator->is_idle()) return;
    }
    if (!std::exchange(completed, true)) training_complete();
    if (config.training.exit_when_done) leave("training is complete", 0);
}

void App::Parts::training_complete() {
    const Cost all = cost();
    const auto& reference = *node->core()->reference();
    Event event("training_complete", Level::info,
                fmt::format("all peers have done their steps; reference {} is the result",
                            reference.epoch.value()));
    event.with("steps", steps)
        .with("rounds", rounds)
        .with("bytes_sent", all.sent)
        .with("bytes_received", all.received)
        .with("bytes_monitoring", all.monitoring);
    if (evaluation) event.with("accuracy", evaluation->second.accuracy);
    report(event.with("digest", reference.id.digest.hex()));
}

void App::Parts::leave(const std::string& reason, int code) {
    if (stopping) return;
    outcome.exit_code = code;
    node->leave();
    carry_out(node->take_actions(now()));
    report(Event("stopped", Level::info, fmt::format("leaving the network: {}", reason))
               .with("reason", reason));
    stop();
}

/// Idempotent. The trainer first: a freeze of the exchange thread waits for it.
void App::Parts::stop() {
    if (std::exchange(stopping, true)) return;
    signals.cancel();
    timer.cancel();
    if (control) control->stop();
    io.stop();
}

// --- outputs ----------------------------------------------------------------------------------

TransportCounters App::Parts::counters() const {
    TransportCounters all = transport->counters();
    all += exchange->counters();
    return all;
}

Cost App::Parts::cost() const {
    const TransportCounters all = counters();
    return {all.sent.averaging, all.received.averaging, all.sent.monitoring};
}

void App::Parts::report(Event event) {
    if (node && node->core() != nullptr) {
        log.set_position({node->core()->reference()->epoch, protocol::StepIndex(steps)});
    }
    if (event.name == "round_committed") {
        const Cost so_far = cost();
        event.with("bytes_sent", so_far.sent - last_cost.sent)
            .with("bytes_received", so_far.received - last_cost.received)
            .with("bytes_monitoring", so_far.monitoring - last_cost.monitoring);
        last_cost = so_far;
    }
    log.write(event);
}

nlohmann::json App::Parts::answer(const nlohmann::json& request) {
    const std::string verb = control::verb_of(request);
    if (verb == "status") return control::to_reply(status());
    if (verb == "peers") return control::to_reply(peers_reply(*node, now()));
    return control::error_reply(fmt::format("this daemon does not know the verb '{}'", verb));
}

control::StatusReply App::Parts::status() const {
    control::StatusReply reply;
    reply.node = config.node.name;
    reply.network = config.node.network;
    reply.peer_id = self.id.fingerprint();
    reply.version = version();
    reply.pid = getpid();
    reply.uptime_s = std::chrono::duration<double>(now() - started_at).count();
    reply.model = learning.model;
    reply.parameters = learning.initial->parameters;
    reply.monitor = std::string(name_of(config.averaging.monitor));
    reply.pace = std::string(name_of(config.averaging.pace));
    describe(*node, now(), reply);
    reply.rounds = rounds;
    const TransportCounters all = counters();
    reply.bytes = {all.sent.monitoring, all.sent.averaging, all.sent.overhead};
    if (evaluation) {
        reply.accuracy = evaluation->second.accuracy;
        reply.loss = evaluation->second.loss;
    }
    if (!trainer || node->core() == nullptr) {
        reply.training = "waiting-for-peers";
        return reply;
    }
    const TrainerStatus training = trainer->status();
    reply.steps = training.steps;
    reply.steps_since_reference = training.steps_since_reference;
    reply.steps_per_second = training.steps_per_second;
    reply.done = training.done;
    reply.training = training.done                     ? "done"
                     : !node->core()->has_started()    ? "waiting-for-peers"
                     : training.waiting && reply.round ? "paused-for-round"
                                                       : "running";
    return reply;
}

// --- the interface ----------------------------------------------------------------------------

App::App(const config::Config& config, Learning learning, protocol::Incarnation incarnation,
         Log& log)
    : m_parts(std::make_unique<Parts>(config, std::move(learning), incarnation, log)) {}

App::~App() {
    m_parts->stop();
    if (m_parts->trainer) m_parts->trainer->stop();
    if (m_parts->exchange) m_parts->exchange->stop();
    if (m_parts->evaluator) m_parts->evaluator->stop();
    if (m_parts->transport) m_parts->transport->stop(kGoodbyeLinger);
}

Expected<void, Error> App::start() {
    return m_parts->start();
}

AppOutcome App::run() {
    m_parts->io.run();
    return m_parts->outcome;
}

}  // namespace dynavg::daemon
