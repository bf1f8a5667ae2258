#include <utility>

#include <fmt/format.h>

#include "daemon/app/app_parts.hpp"
#include "protocol/core/settings.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

/// Well below the time that a service manager grants; without others a last round takes no longer
/// than their suspicion.
constexpr std::chrono::seconds kDepartureTimeout{20};

}  // namespace

/// Carries out what the rules ask for after an input.
void App::Parts::act() {
    if (stopping) return;
    node->set_wall_clock(unix_ms(), now());
    carry_out(node->take_actions(now()));
    if (departing && node->core()->may_leave()) return leave(*departing, 0);
    finish_if_done();
}

/// The written order: who is there, then the model, then messages, then the log.
void App::Parts::carry_out(peer::NodeActions actions) {
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
        const DialedId where{dial.address, keys ? dial.peer : ProvenPeer()};
        (void)transport->greet(where, hello.bytes, hello.traffic);
        if (doorkeeper && doorkeeper->should_introduce(dial)) {
            transport->introduce(where, hello.bytes, hello.traffic);
        }
    }
    for (const auto& [connection, frame] : actions.replies) {
        transport->reply({connection}, frame.bytes, frame.traffic);
    }
    for (const peer::Frame& frame : actions.publish) {
        transport->publish(frame.bytes, frame.traffic);
    }
    for (const auto& [peer, frame] : actions.sends) {
        transport->send(peer, frame.bytes, frame.traffic);
    }
    if (actions.known_peers && checkpoints) checkpoints->write(std::move(*actions.known_peers));
    for (Event& event : actions.events) report(std::move(event));
    for (const discovery::Told& told : actions.told) {
        if (doorkeeper) doorkeeper->on_told(told);
    }
    for (const discovery::DialBack& asked : actions.dial_backs) dial_back(asked);
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
    if (actions.abort_pull) exchange->abort_pull();
    if (actions.pull) exchange->pull(actions.pull->wanted, actions.pull->source);
    steering.allow_steps_until(actions.allowed_steps);
    if (actions.write_promise) checkpoints->write(*actions.write_promise);
    if (actions.write_prepared) checkpoints->write(*actions.write_prepared);
}

void App::Parts::on_installed(const protocol::Install& install) {
    // Before the trainer has it: a copy of local training never goes to disk before its reference.
    if (checkpoints) {
        const protocol::History& history = node->core()->history();
        checkpoints->commit(install.reference,
                            history.between(protocol::Epoch(0), install.reference->epoch));
    }
    trainer->install(install);
    exchange->set_reference(install.reference);
    if (output) output->offer(install.reference);
    ++rounds;
    const bool due = evaluator && config.data.test && rounds % config.data.test->every_rounds == 0;
    if (due) {
        evaluation_asked = install.reference;
        evaluator->evaluate(install.reference, steps);
    }
}

void App::Parts::connect(const discovery::Connect& one) {
    // An endpoint that is no address leaves the peer unheard: the rounds then accuse the link.
    const Existing existing = one.renew ? Existing::renew : Existing::keep;
    (void)transport->subscribe(one.peer, one.endpoints.gossip, existing);
    const ProvenPeer key = keys ? ProvenPeer(one.peer) : ProvenPeer();
    (void)transport->dial({one.endpoints.direct, key}, existing);
    transport->bind_peer(one.peer, one.endpoints.direct);
    transport->end_introductions(one.peer);
    exchange->add_peer(one.peer, one.endpoints.bulk, existing);
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
    if (hosting.manager != nullptr) hosting.manager->start_again("takes over the settings");
    report(Event("settings_learned", Level::info,
                 "the network's averaging settings are taken over; this node starts with them"));
    stop();
}

/// Nothing will happen any more: tell the result and, if asked to, leave.
void App::Parts::finish_if_done() {
    if (stopping || !node || node->core() == nullptr) return;
    const protocol::NodeCore& core = *node->core();
    if (!core.is_finished()) return;
    if (evaluator) {
        if (evaluation_asked != core.reference()) {
            evaluation_asked = core.reference();
            evaluator->evaluate(core.reference(), steps);
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

/// Hands over in a last round, if there is anybody to hand over to, and leaves. The second call
/// does not wait.
void App::Parts::depart(const std::string& reason) {
    if (stopping) return;
    const bool nothing_to_hand_over = completed || !node || node->core() == nullptr;
    if (departing || nothing_to_hand_over) return leave(reason, 0);
    departing = reason;
    tell_manager_of_end(reason);
    node->core()->leave(now());
    if (!node->core()->may_leave()) {
        report(Event("leaving", Level::info,
                     "a last round hands over what was learned here; again, and it ends at once")
                   .with("reason", reason));
    }
    departure_timer.expires_after(kDepartureTimeout);
    departure_timer.async_wait([this](const boost::system::error_code& error) {
        if (!error) leave(*departing, 0);
    });
    act();
}

void App::Parts::leave(const std::string& reason, int code) {
    if (stopping) return;
    outcome.exit_code = code;
    tell_manager_of_end(reason);
    node->leave();
    carry_out(node->take_actions(now()));
    outcome.learned.reset();
    report(Event("stopped", Level::info, fmt::format("leaving the network: {}", reason))
               .with("reason", reason));
    stop();
}

/// Ends the loop; the threads end with the App. Idempotent.
void App::Parts::stop() {
    if (std::exchange(stopping, true)) return;
    signals.cancel();
    timer.cancel();
    checkpoint_timer.cancel();
    departure_timer.cancel();
    sample_timer.cancel();
    if (doorkeeper) doorkeeper->stop();
    watch_timer.cancel();
    if (control) control->stop();
    if (metrics) metrics->stop();
    io.stop();
}

}  // namespace dynavg::daemon
