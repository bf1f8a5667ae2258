#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "daemon/app/app_parts.hpp"
#include "daemon/app/configured_peers.hpp"
#include "daemon/app/open_files.hpp"
#include "daemon/control/status.hpp"
#include "protocol/base/check.hpp"

// The daemon as a service: the watchdog, the line that `systemctl status` shows, and
// reading its file again.

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

constexpr std::chrono::seconds kStatusInterval{5};
/// A last round, and copying local training to a slow disk.
constexpr std::chrono::seconds kEndMax{90};

double seconds(protocol::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string keys_text(const std::vector<std::string>& keys) {
    return keys.empty() ? "nothing" : fmt::format("{}", fmt::join(keys, ", "));
}

}  // namespace

/// The sockets are bound and the state is loaded: ready, though peers are still to be found.
void App::Parts::watch_over() {
    if (stopping) return;
    if (hosting.manager != nullptr) {
        hosting.manager->ready(status_line(status()));
        next_status = now() + kStatusInterval;
    }
    look_at_trainer();
}

/// Also proves that the loop runs: a loop that is held up for long leaves the watchdog unfed.
void App::Parts::look_at_trainer() {
    if (trainer) {
        if (auto event = health_watch.look(trainer->pulse(), now())) report(std::move(*event));
    }
    if (auto event = health_watch.look(count_open_files())) report(std::move(*event));
    tell_manager();
    watch_timer.expires_after(ProgressWatch::kLookInterval);
    watch_timer.async_wait([this](const boost::system::error_code& error) {
        if (!error && !stopping) look_at_trainer();
    });
}

void App::Parts::tell_manager() {
    if (hosting.manager == nullptr || departing) return;
    const ProgressWatch& training = health_watch.training();
    if (training.is_stuck()) {
        return hosting.manager->trigger(
            fmt::format("stuck: no step was finished for {:.0f} s", seconds(training.silence())));
    }
    hosting.manager->feed();
    if (now() < next_status) return;
    next_status = now() + kStatusInterval;
    hosting.manager->status(status_line(status()));
}

void App::Parts::tell_manager_of_end(const std::string& reason) {
    if (hosting.manager == nullptr) return;
    // The step in progress is waited for, and a contribution to the last round may wait for one.
    const protocol::Duration slowest =
        trainer ? trainer->pulse().slowest_step : protocol::Duration::zero();
    hosting.manager->stopping(fmt::format("leaving the network: {}", reason),
                              kEndMax + 3 * slowest);
}

// --- reload -----------------------------------------------------------------------------------

/// All or nothing: a file with any problem changes nothing.
Expected<ReloadPlan, Error> App::Parts::reload() {
    if (!hosting.read_config) return fail("this daemon has no file to read again");
    auto read = hosting.read_config();
    if (!read) {
        report(Event("reload_failed", Level::warning,
                     "the configuration is not valid, and the daemon goes on with the one that it "
                     "has; `dynavg check-config` says what is wrong")
                   .with("reason", read.error().message));
        return Unexpected<Error>(read.error());
    }
    ReloadPlan plan = plan_reload(config, *read);
    for (const std::string& key : plan.apply) apply(key, *read);
    report(
        Event("reloaded", plan.needs_restart.empty() ? Level::info : Level::warning,
              fmt::format("the configuration was read again; taken over: {}; needs a restart: {}",
                          keys_text(plan.apply), keys_text(plan.needs_restart)))
            .with("applied", plan.apply)
            .with("needs_restart", plan.needs_restart));
    return plan;
}

/// The keys of kLiveKeys in reload.cpp.
void App::Parts::apply(const std::string& key, const config::Config& read) {
    if (key == "node.peers") {
        config.node.peers = read.node.peers;
        if (doorkeeper) doorkeeper->set_configured(configured_keys(config));
        node->membership().set_seeds(configured_seeds(config));
        act();
    } else if (key == "security.trusted_peers") {
        config.security.trusted_peers = read.security.trusted_peers;
        if (doorkeeper) doorkeeper->set_configured(configured_keys(config));
        act();
    } else if (key == "log.level") {
        config.log.level = read.log.level;
        log.set_level(config.log.level);
    } else {
        DYNAVG_CHECK(false);
    }
}

nlohmann::json App::Parts::answer_reload() {
    const auto plan = reload();
    if (!plan) return control::error_reply(plan.error().message);
    return control::to_reply(control::ReloadReply{plan->apply, plan->needs_restart});
}

}  // namespace dynavg::daemon
