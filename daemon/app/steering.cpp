#include "daemon/app/steering.hpp"

#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

/// A larger number of bytes is a slip of the keyboard.
constexpr double kExchangeRateMax = 1e12;

}  // namespace

Steering::Steering(protocol::Role role, const protocol::AveragingSettings& averaging,
                   std::uint64_t exchange_rate, SteeringHandlers handlers)
    : m_role(role),
      m_others_wait(averaging.pace == protocol::Pace::lockstep || averaging.max_lag_steps > 0),
      m_exchange_rate(exchange_rate),
      m_handlers(std::move(handlers)) {}

void Steering::on_trainer(std::function<void(std::uint64_t)> allow_steps_until) {
    m_allow_steps_until = std::move(allow_steps_until);
}

void Steering::allow_steps_until(std::uint64_t steps) {
    if (steps == m_allowed_steps) return;
    m_allowed_steps = steps;
    permit_steps();
}

void Steering::permit_steps() {
    m_allow_steps_until(m_paused ? 0 : m_allowed_steps);
}

nlohmann::json Steering::set(const nlohmann::json& request) {
    const std::string key = control::setting_of(request);
    const auto value = control::value_of(request);
    if (!value) return control::error_reply("the value to set must be a number");
    if (key == "threshold") return set_threshold(*value);
    if (key == "exchange-rate") return set_exchange_rate(*value);
    return control::error_reply(
        fmt::format("this daemon can't set '{}'; it can set threshold and exchange-rate", key));
}

nlohmann::json Steering::set_threshold(double threshold) {
    auto set = m_handlers.set_threshold(threshold);
    if (!set) return control::error_reply(std::move(set.error().message));
    return control::done_reply();
}

nlohmann::json Steering::set_exchange_rate(double bytes_per_second) {
    const bool sane = bytes_per_second >= 0 && bytes_per_second <= kExchangeRateMax &&
                      std::floor(bytes_per_second) == bytes_per_second;
    if (!sane) {
        return control::error_reply(fmt::format(
            "{} can't be an exchange rate: give whole bytes per second up to {:.0f}, or 0 for no "
            "bound",
            bytes_per_second, kExchangeRateMax));
    }
    m_exchange_rate = static_cast<std::uint64_t>(bytes_per_second);
    m_handlers.set_exchange_rate(m_exchange_rate);
    return control::done_reply();
}

Expected<void, Error> Steering::can_train() const {
    if (m_role == protocol::Role::observer) {
        return fail("this daemon is an observer: it trains nothing");
    }
    if (!m_allow_steps_until) return fail("this daemon does not train yet");
    return {};
}

nlohmann::json Steering::pause(const nlohmann::json& request) {
    if (const auto able = can_train(); !able) return control::error_reply(able.error().message);
    if (m_others_wait && !control::holds_others(request)) {
        return control::error_reply(
            "the other peers wait for each other's steps (pace = \"lockstep\" or max_lag_steps): "
            "all of them would stop with this one. To stop them all: dynavg pause --all-wait. To "
            "stop this one alone: dynavg leave");
    }
    if (!std::exchange(m_paused, true)) {
        m_handlers.report(
            Event("paused", Level::info,
                  "a person has paused local training; this peer stays in the network and gives "
                  "each round what it has learned; `dynavg resume`, or a restart, goes on"));
        permit_steps();
    }
    return control::done_reply();
}

nlohmann::json Steering::resume() {
    if (const auto able = can_train(); !able) return control::error_reply(able.error().message);
    if (std::exchange(m_paused, false)) {
        m_handlers.report(Event("resumed", Level::info, "local training goes on"));
        permit_steps();
    }
    return control::done_reply();
}

}  // namespace dynavg::daemon
