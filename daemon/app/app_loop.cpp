#include <utility>

#include <fmt/format.h>

#include "daemon/app/app_parts.hpp"
#include "protocol/base/check.hpp"
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
    carry_out(*node, *this, now());
    if (departing && node->core()->may_leave()) return leave(*departing, 0);
    finish_if_done();
}

// --- what the rules ask for: peer/carry_out.hpp has the order --------------------------------

void App::Parts::disconnect(const protocol::PeerId& peer) {
    transport->unsubscribe(peer);
    transport->close(peer);
    exchange->remove_peer(peer);
}

void App::Parts::hang_up(const std::string& address) {
    transport->close_address(address);
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

void App::Parts::install(const protocol::Install& install) {
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

void App::Parts::freeze(protocol::Epoch target) {
    exchange->freeze(target, [this](protocol::Epoch asked) { return trainer->freeze(asked); });
}

void App::Parts::set_prepared(const protocol::ReferencePointer& value) {
    exchange->set_prepared(value);
}

void App::Parts::start_exchange(const protocol::ExchangeOrder& order) {
    exchange->start_exchange(order);
}

void App::Parts::pull(const protocol::PullOrder& order) {
    exchange->pull(order.wanted, order.source);
}

/// No daemon is ever asked: config::check_daemon_rules() refuses its monitor.
void App::Parts::balance(const protocol::BalancingOrder& /*order*/) {
    DYNAVG_CHECK(false);
}

void App::Parts::allow_steps(std::uint64_t total) {
    steering.allow_steps_until(total);
}

void App::Parts::write(peer::Write write) {
    if (checkpoints) checkpoints->write(std::move(write));
}

void App::Parts::dial(const discovery::Dial& dial, peer::Frame hello) {
    const DialedId where{dial.address, keys ? dial.peer : ProvenPeer()};
    (void)transport->greet(where, hello.bytes, hello.traffic);
    if (doorkeeper && doorkeeper->should_introduce(dial)) {
        transport->introduce(where, hello.bytes, hello.traffic);
    }
}

void App::Parts::reply(const discovery::ConnectionId& connection, peer::Frame frame) {
    transport->reply({connection}, frame.bytes, frame.traffic);
}

void App::Parts::publish(peer::Frame frame) {
    transport->publish(frame.bytes, frame.traffic);
}

void App::Parts::send(const protocol::PeerId& peer, peer::Frame frame) {
    transport->send(peer, frame.bytes, frame.traffic);
}

void App::Parts::take_word(const discovery::Told& told) {
    if (doorkeeper) doorkeeper->on_told(told);
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
    node->hand_over(now());
    if (!node->core()->may_leave()) {
        report(Event("leaving", Level::info,
                     "a last round hands over what this node has learned; a second signal or leave "
                     "ends it at once")
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
    carry_out(*node, *this, now());
    outcome.learned.reset();
    report(Event("stopped", Level::info, fmt::format("leaving the network: {}", reason))
               .with("reason", reason));
    stop();
}

/// A later start of this node runs elsewhere. Nobody is told goodbye: it would be taken for the
/// other one's.
void App::Parts::give_way() {
    outcome.exit_code = kExitReplaced;
    outcome.learned.reset();
    const std::string reason = "a later start of this node runs elsewhere";
    tell_manager_of_end(reason);
    report(Event("stopped", Level::info, fmt::format("ending: {}", reason)).with("reason", reason));
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
