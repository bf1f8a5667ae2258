#include "daemon/app/steering.hpp"

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using nlohmann::json;

namespace {

protocol::AveragingSettings free_pace() {
    protocol::AveragingSettings averaging;
    averaging.pace = protocol::Pace::free;
    averaging.max_lag_steps = 0;
    return averaging;
}

/// A peer that is steered, and what came of it.
struct Steered {
    explicit Steered(const protocol::AveragingSettings& averaging = free_pace(),
                     protocol::Role role = protocol::Role::member)
        : steering(role, averaging, 7, handlers()) {}

    SteeringHandlers handlers() {
        SteeringHandlers all;
        all.set_threshold = [this](double value) -> Expected<void, Error> {
            threshold = value;
            return {};
        };
        all.set_exchange_rate = [this](std::uint64_t value) { rate = value; };
        all.report = [this](const protocol::Event& event) { events.emplace_back(event.name); };
        return all;
    }
    void train() {
        steering.on_trainer([this](std::uint64_t steps) { allowed = steps; });
    }

    std::optional<double> threshold;
    std::optional<std::uint64_t> rate;
    std::optional<std::uint64_t> allowed;
    std::vector<std::string> events;
    Steering steering;
};

bool is_done(const json& reply) {
    return reply == control::done_reply();
}

json pause_request(bool holds_others) {
    return control::pause_request(holds_others);
}

}  // namespace

TEST_CASE("a paused peer takes no step, whatever the rules allow, until it resumes", "[steering]") {
    Steered peer;
    peer.train();
    peer.steering.allow_steps_until(10);
    CHECK(peer.allowed == 10);
    CHECK(is_done(peer.steering.pause(pause_request(false))));
    CHECK(peer.allowed == 0);
    peer.steering.allow_steps_until(20);
    CHECK(peer.allowed == 0);
    CHECK(is_done(peer.steering.resume()));
    CHECK(peer.allowed == 20);
    CHECK(peer.events == std::vector<std::string>{"paused", "resumed"});
}

TEST_CASE("a second pause, and a second resume, change and tell nothing", "[steering]") {
    Steered peer;
    peer.train();
    CHECK(is_done(peer.steering.resume()));
    CHECK(is_done(peer.steering.pause(pause_request(false))));
    CHECK(is_done(peer.steering.pause(pause_request(false))));
    CHECK(peer.events == std::vector<std::string>{"paused"});
}

TEST_CASE("a peer that others wait for is paused only if a person says that all may wait",
          "[steering]") {
    protocol::AveragingSettings averaging = free_pace();
    const bool lockstep = GENERATE(true, false);
    if (lockstep) averaging.pace = protocol::Pace::lockstep;
    if (!lockstep) averaging.max_lag_steps = 5;
    Steered peer(averaging);
    peer.train();
    CHECK_FALSE(is_done(peer.steering.pause(pause_request(false))));
    CHECK_FALSE(peer.steering.is_paused());
    CHECK(is_done(peer.steering.pause(pause_request(true))));
    CHECK(peer.steering.is_paused());
}

TEST_CASE("an observer, and a daemon that does not train yet, can't be paused", "[steering]") {
    Steered observer(free_pace(), protocol::Role::observer);
    CHECK_FALSE(is_done(observer.steering.pause(pause_request(true))));
    CHECK_FALSE(is_done(observer.steering.resume()));
    Steered starting;
    CHECK_FALSE(is_done(starting.steering.pause(pause_request(true))));
    CHECK_FALSE(is_done(starting.steering.resume()));
}

TEST_CASE("an exchange rate is whole bytes per second within bounds", "[steering]") {
    Steered peer;
    CHECK(peer.steering.exchange_rate() == 7);
    CHECK(is_done(peer.steering.set(control::set_request("exchange-rate", 5000))));
    CHECK(peer.rate == 5000);
    CHECK(peer.steering.exchange_rate() == 5000);
    for (const double wrong : {-1.0, 0.5, 1e13}) {
        CHECK_FALSE(is_done(peer.steering.set(control::set_request("exchange-rate", wrong))));
    }
    CHECK(peer.steering.exchange_rate() == 5000);
}

TEST_CASE("a threshold goes to the rules, and a key that can't be set is named", "[steering]") {
    Steered peer;
    CHECK(is_done(peer.steering.set(control::set_request("threshold", 2.5))));
    CHECK(peer.threshold == 2.5);
    const json refused = peer.steering.set(control::set_request("colour", 1));
    CHECK_FALSE(is_done(refused));
    CHECK(refused.dump().find("colour") != std::string::npos);
}
