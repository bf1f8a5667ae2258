#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/app/app_parts.hpp"

// What a person changes in a running daemon; a restart goes back to the configuration.

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

/// Beyond that a number of bytes is a slip of the pen.
constexpr double kExchangeRateMax = 1e12;

bool others_wait_for_a_peer(const protocol::AveragingSettings& averaging) {
    return averaging.pace == protocol::Pace::lockstep || averaging.max_lag_steps > 0;
}

}  // namespace

nlohmann::json App::Parts::set_value(const nlohmann::json& request) {
    const std::string key = control::setting_of(request);
    const auto value = control::value_of(request);
    if (!value) return control::error_reply("a number is to be set");
    if (key == "threshold") return set_threshold(*value);
    if (key == "exchange-rate") return set_exchange_rate(*value);
    return control::error_reply(
        fmt::format("this daemon can't set '{}'; it can: threshold, exchange-rate", key));
}

nlohmann::json App::Parts::set_threshold(double threshold) {
    if (node->core() == nullptr) {
        return control::error_reply("this daemon is not in a network yet");
    }
    if (auto set = node->core()->set_threshold(threshold, unix_ms(), now()); !set) {
        return control::error_reply(std::move(set.error().message));
    }
    act();
    return control::done_reply();
}

nlohmann::json App::Parts::set_exchange_rate(double bytes_per_second) {
    const bool sane = bytes_per_second >= 0 && bytes_per_second <= kExchangeRateMax &&
                      std::floor(bytes_per_second) == bytes_per_second;
    if (!sane) {
        return control::error_reply(
            fmt::format("{} can't be an exchange rate: whole bytes per second up to {:.0f} are "
                        "wanted, 0 for no bound",
                        bytes_per_second, kExchangeRateMax));
    }
    exchange_rate = static_cast<std::uint64_t>(bytes_per_second);
    exchange->set_rate(exchange_rate);
    return control::done_reply();
}

/// The peer stays in its network: it votes, and gives what it has learned to each round.
nlohmann::json App::Parts::pause(bool holds_others) {
    if (is_observer()) return control::error_reply("this daemon is an observer: it trains nothing");
    if (!trainer) return control::error_reply("this daemon does not train yet");
    if (others_wait_for_a_peer(config.averaging) && !holds_others) {
        return control::error_reply(
            "the other peers wait for each other's steps (pace = \"lockstep\" or max_lag_steps): "
            "all of them would stop with this one. To stop them all: dynavg pause --all-wait. To "
            "stop this one alone: dynavg leave");
    }
    if (!std::exchange(paused, true)) {
        report(Event("paused", Level::info,
                     "local training is paused by a person; this peer stays in the network and "
                     "gives each round what it has; dynavg resume, or a restart, goes on"));
        permit_steps();
    }
    return control::done_reply();
}

nlohmann::json App::Parts::resume() {
    if (is_observer()) return control::error_reply("this daemon is an observer: it trains nothing");
    if (!trainer) return control::error_reply("this daemon does not train yet");
    if (std::exchange(paused, false)) {
        report(Event("resumed", Level::info, "local training goes on"));
        permit_steps();
    }
    return control::done_reply();
}

/// What the rules allow, unless a person has said otherwise.
void App::Parts::permit_steps() {
    trainer->allow_until(paused ? 0 : allowed_steps);
}

}  // namespace dynavg::daemon
