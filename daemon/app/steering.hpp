#pragma once

#include <cstdint>
#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/role.hpp"
#include "protocol/core/settings.hpp"

namespace dynavg::daemon {

/// The levers of steering. All must be set, but `allow_steps_until`, which comes with the trainer.
struct SteeringHandlers {
    /// Sets the threshold of the network, from this peer on.
    std::function<Expected<void, Error>(double threshold)> set_threshold;
    /// Bounds what the exchange sends, in bytes per second; 0: no bound.
    std::function<void(std::uint64_t)> set_exchange_rate;
    std::function<void(protocol::Event)> report;
};

/// Changes that a person makes in a running daemon: `dynavg set`, `pause` and `resume`. A restart
/// goes back to the configuration.
///
/// It stands between the rules and the trainer: the rules say how many steps are allowed, and a
/// person may say that none is. A paused peer stays in its network: it votes, and gives its drift
/// to each round.
///
/// Requests and answers are those of control/replies.hpp. A refusal says why, and what to do
/// instead. One thread; no call waits.
class Steering {
public:
    Steering(protocol::Role role, const protocol::AveragingSettings& averaging,
             std::uint64_t exchange_rate, SteeringHandlers handlers);

    /// The trainer is there: it takes the number of its life's steps up to which it may go on.
    void on_trainer(std::function<void(std::uint64_t)> allow_steps_until);
    /// The rules allow so many steps.
    void allow_steps_until(std::uint64_t steps);

    /// `dynavg set KEY VALUE`.
    [[nodiscard]] nlohmann::json set(const nlohmann::json& request);
    [[nodiscard]] nlohmann::json pause(const nlohmann::json& request);
    [[nodiscard]] nlohmann::json resume();

    [[nodiscard]] bool is_paused() const { return m_paused; }
    /// Bytes per second; 0: no bound.
    [[nodiscard]] std::uint64_t exchange_rate() const { return m_exchange_rate; }

private:
    [[nodiscard]] nlohmann::json set_threshold(double threshold);
    [[nodiscard]] nlohmann::json set_exchange_rate(double bytes_per_second);
    [[nodiscard]] Expected<void, Error> can_train() const;
    void permit_steps();

    protocol::Role m_role;
    bool m_others_wait;  ///< For this peer's steps.
    std::uint64_t m_exchange_rate;
    SteeringHandlers m_handlers;
    std::function<void(std::uint64_t)> m_allow_steps_until;  ///< Empty before on_trainer().
    std::uint64_t m_allowed_steps = 0;                       ///< By the rules.
    bool m_paused = false;                                   ///< By a person.
};

}  // namespace dynavg::daemon
