#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/app/app_parts.hpp"
#include "daemon/app/configured_peers.hpp"
#include "protocol/base/digest.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

protocol::NetworkId network_id(const std::string& name) {
    const protocol::Digest digest = protocol::Digester().add(std::string_view(name)).finish();
    return protocol::NetworkId(static_cast<std::uint32_t>(digest.high));
}

ZmqTransportOptions transport_options(const BindSettings& bind, const config::Config& config,
                                      std::size_t parameters) {
    ZmqTransportOptions options;
    options.bind = bind;
    if (protocol::traits_of(config.averaging.monitor).is_model_sized) {
        options.gossip_message_bytes_max += parameters * sizeof(float);
        options.direct_message_bytes_max += parameters * sizeof(float);
    }
    return options;
}

}  // namespace

/// Nothing to do in a network without keys.
Expected<void, Error> App::Parts::open_doors() {
    if (config.security.insecure) return {};
    auto opened = Doorkeeper::open(io, context,
                                   {config.node.state_dir, configured_keys(config),
                                    [this](Event event) { report(std::move(event)); }});
    if (!opened) return Unexpected<Error>(opened.error());
    doorkeeper = std::move(*opened);
    keys = doorkeeper->keys();
    self.id = keys->own.id;
    return {};
}

Expected<void, Error> App::Parts::start() {
    if (auto opened = open_doors(); !opened) return opened;
    if (auto opened = open_storage(); !opened) return opened;
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
    if (!keys) {
        report(Event("insecure", Level::warning,
                     "connections are neither encrypted nor authenticated (insecure = true): "
                     "any program that reaches this machine's loopback ports can read and change "
                     "the model"));
    }
    make_node(*endpoints);
    if (auto opened = open_metrics(); !opened) return opened;
    signals.add(SIGTERM);
    signals.add(SIGINT);
    signals.add(SIGHUP);
    await_signal();
    act();
    watch_over();
    return {};
}

/// The second signal ends a departure that waits.
void App::Parts::await_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        await_signal();
        if (signal == SIGHUP) return (void)reload();
        depart(signal == SIGTERM ? "SIGTERM" : "SIGINT");
    });
}

Expected<protocol::Endpoints, Error> App::Parts::bind() {
    const auto settings = parse_bind(config.node.bind, config.node.advertise);
    if (!settings) return Unexpected<Error>(settings.error());
    auto gossip_and_direct = transport_options(*settings, config, learning.initial->parameters);
    gossip_and_direct.keys = keys;
    doors.emplace(context, [this](const Stranger& stranger) {
        boost::asio::post(io, [this, stranger] { report(told(stranger)); });
    });
    gossip_and_direct.doors = &*doors;
    transport.emplace(io, context, std::move(gossip_and_direct), transport_handlers());
    auto endpoints = transport->start();
    if (!endpoints) return endpoints;
    ExchangeThreadOptions options;
    options.bind = *settings;
    if (keys) options.identity = std::shared_ptr<const identity::Identity>(keys, &keys->own);
    options.doors = &*doors;
    options.network = network_id(config.node.network);
    options.self = self.id;
    options.shape = learning.initial->shape();
    options.rules = outer_rules(config.averaging);
    options.bytes_per_second = steering.exchange_rate();
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
    membership.role = config.node.role;
    if (doorkeeper) membership.trusted = doorkeeper->desk().list().trusted();
    membership.seeds = configured_seeds(config);
    std::ranges::move(
        peer::seeds_of(resumed.known_peers, doorkeeper ? &doorkeeper->desk() : nullptr),
        std::back_inserter(membership.seeds));
    membership.random_seed = self.incarnation.value();
    node.emplace(network_id(config.node.network), std::move(membership), now());
    if (doorkeeper) doorkeeper->attach(*node, *transport);
    if (config.has_averaging_section) start_learning();
}

void App::Parts::start_learning() {
    if (learning.evaluate) {
        EvaluationHandlers handlers;
        handlers.on_done = [this](protocol::ReferenceId id, const protocol::Evaluation& result) {
            evaluation = {id, result};
            report(Event("evaluated", Level::info,
                         fmt::format("the common model (reference {}) is right on {:.2f} % of {} "
                                     "test samples",
                                     id.epoch.value(), 100 * result.accuracy, result.samples))
                       .with("accuracy", result.accuracy)
                       .with("loss", result.loss)
                       .with("samples", result.samples)
                       .with("model", std::string("reference")));
            finish_if_done();
        };
        handlers.on_error = [this](const Error& error) {
            report(Event("failed", Level::error, error.message));
            leave(error.message, 1);
        };
        evaluator.emplace(io, learning.evaluate, std::move(handlers));
    }
    TrainerThreadOptions options;
    options.start = resumed.training;
    exchange->set_reference(options.start.reference);
    if (config.training.max_steps > 0) options.max_steps = config.training.max_steps;
    options.check_every = config.averaging.steps_between_checks();
    options.weight = weight_of(config.averaging.weights, learning.learner->samples());
    if (!is_observer()) tell_of_few_samples();
    TrainerThreadHandlers handlers;
    handlers.on_report = [this](const protocol::StepReport& step) {
        steps = step.steps;
        steps_since_reference = step.steps_since_reference;
        node->on_step(step, now());
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
    steering.on_trainer(
        [this](std::uint64_t steps_allowed) { trainer->allow_until(steps_allowed); });
    protocol::NodeCoreOptions core;
    core.self = self;
    core.role = config.node.role;
    core.averaging = config.averaging;
    core.weight = options.weight;
    core.initial = learning.initial;
    core.start_peers = config.node.start_peers;
    core.restored = resumed.core;
    core.durable = checkpoints.has_value();
    node->start_core(std::move(core), now());
    trainer->start();
    start_output(options.start.reference);
    if (!checkpoints) return;
    checkpoints->start();
    // An observer has learned nothing that could be lost.
    if (!is_observer()) keep_training();
}

void App::Parts::tell_of_few_samples() {
    const std::uint64_t samples = learning.learner->samples();
    if (samples >= config.training.batch_size) return;
    report(
        Event("few_samples", Level::warning,
              fmt::format("this node has {} samples to train on and a batch takes {}: each batch "
                          "holds some samples several times; set [training] batch_size to {} or "
                          "less, or give this node more data",
                          samples, config.training.batch_size, samples))
            .with("samples", samples)
            .with("batch_size", config.training.batch_size));
}

/// Writes what an earlier life had, too: nobody knows whether that got so far.
void App::Parts::start_output(const protocol::ReferencePointer& reference) {
    if (config.output.path.empty() || !learning.write_reference) return;
    OutputOptions options;
    options.path = config.output.path;
    options.every = config.output.every;
    options.hook = config.output.hook;
    options.hook_timeout = std::chrono::seconds(config.output.hook_timeout_s);
    options.network = config.node.network;
    output.emplace(io, std::move(options), learning.write_reference,
                   [this](Event event) { report(std::move(event)); });
    if (reference->epoch > protocol::Epoch(0)) output->offer(reference);
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
        const auto verdict = node->on_direct(connection.bytes, connection.proven, bytes, now());
        act();
        return verdict;
    };
    handlers.on_reply = [this](const DialedId& dialed, Bytes bytes) {
        const auto verdict = node->on_reply(dialed.address, dialed.proven, bytes, now());
        act();
        return verdict;
    };
    handlers.on_introduction = [this](const ConnectionId& connection, const protocol::PeerId& token,
                                      Bytes bytes) {
        const auto verdict = doorkeeper->on_introduction(connection, token, bytes);
        act();
        return verdict;
    };
    handlers.on_introduction_reply = [this](const DialedId& dialed, Bytes bytes) {
        const auto verdict = doorkeeper->on_introduction_reply(dialed, bytes);
        act();
        return verdict;
    };
    handlers.on_odd_subscription = [this](const protocol::PeerId& from) {
        doorkeeper->on_odd_subscription(from);
    };
    return handlers;
}

ExchangeThreadHandlers App::Parts::exchange_handlers() {
    ExchangeThreadHandlers handlers;
    handlers.on_frozen = [](protocol::Epoch, const protocol::ContributionPointer&) {};
    handlers.on_done = [this](const protocol::ExchangeResult& result) {
        node->on_exchange_done(result, now());
        act();
    };
    handlers.on_pulled = [this](const protocol::ReferencePointer& reference) {
        node->on_pulled(reference, now());
        act();
    };
    handlers.on_pull_failed = [this](const Error& error) {
        node->on_pull_failed(error, now());
        act();
    };
    handlers.on_unusable = [this](const auto& unusable) {
        for (const auto& [member, reason] : unusable) {
            node->on_unusable_contribution(member, reason, now());
        }
        act();
    };
    handlers.on_stalled = [this](const std::vector<protocol::Member>& stalled) {
        for (const protocol::Member& member : stalled) node->on_stalled(member, now());
        act();
    };
    handlers.on_progress = [this] { node->on_exchange_progress(now()); };
    handlers.on_error = [this](const Error& error) {
        report(Event("failed", Level::error, error.message));
        leave(error.message, 1);
    };
    return handlers;
}

}  // namespace dynavg::daemon
