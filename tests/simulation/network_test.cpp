#include "simulation/network.hpp"

#include <algorithm>
#include <vector>

#include "tests/catch.hpp"

namespace dynavg::simulation {

using namespace std::chrono_literals;
using protocol::Instant;

namespace {

struct Arrival {
    int message;
    Instant when;
    bool operator==(const Arrival&) const = default;
};

/// Sends numbered messages from peer 0 to peer 1, 1 ms apart, and writes down what arrives.
class Line {
public:
    explicit Line(LinkOptions options, std::uint64_t seed = 1) : network(events, options, seed) {}

    void gossip(int count) {
        each(count, [this](int i) { network.send(0, 1, Channel::gossip, 100, arrives(i)); });
    }
    void send(int count, Channel channel = Channel::direct) {
        each(count, [this, channel](int i) { network.send(0, 1, channel, 100, arrives(i)); });
    }
    std::function<void()> arrives(int message) {
        return [this, message] { arrived.push_back({message, events.now()}); };
    }
    [[nodiscard]] bool is_in_order() const {
        return std::is_sorted(arrived.begin(), arrived.end(),
                              [](const auto& a, const auto& b) { return a.message < b.message; });
    }
    void run() {
        while (!events.empty()) events.run_next();
    }

    EventQueue events;
    Network network;
    std::vector<Arrival> arrived;

private:
    template <class Send>
    void each(int count, Send send_one) {
        for (int i = 0; i < count; ++i) {
            events.after(i * 1ms, [send_one, i] { send_one(i); });
        }
        run();
    }
};

constexpr LinkOptions kJitter{1ms, 50ms, 0, 0};

}  // namespace

TEST_CASE("gossip is lost at the share asked for", "[network]") {
    Line line({1ms, 1ms, 0.3, 0});
    line.gossip(10000);
    CHECK(line.network.lost() + line.network.delivered() == 10000);
    CHECK(line.arrived.size() == line.network.delivered());
    // Ten standard deviations.
    CHECK(std::abs(static_cast<double>(line.network.lost()) - 3000) < 460);
    Line sure({1ms, 1ms, 0, 0});
    sure.gossip(1000);
    CHECK(sure.arrived.size() == 1000);
}

TEST_CASE("gossip is repeated at the share asked for", "[network]") {
    Line line({1ms, 1ms, 0, 0.2});
    line.gossip(10000);
    CHECK(std::abs(static_cast<double>(line.arrived.size()) - 12000) < 400);
}

TEST_CASE("a message takes as long as the link says, and gossip may overtake", "[network]") {
    Line line(kJitter);
    line.gossip(1000);
    for (const Arrival& arrival : line.arrived) {
        const auto delay = arrival.when - Instant(arrival.message * 1ms);
        REQUIRE(delay >= 1ms);
        REQUIRE(delay <= 50ms);
    }
    CHECK_FALSE(line.is_in_order());
}

TEST_CASE("a connection loses nothing, repeats nothing and keeps its order", "[network]") {
    Line line({1ms, 50ms, 1.0, 1.0});
    line.send(1000);
    REQUIRE(line.arrived.size() == 1000);
    CHECK(line.is_in_order());
    CHECK(line.network.lost() == 0);
}

TEST_CASE("each channel and each direction keeps an order of its own", "[network]") {
    // A slow first message on one channel does not hold back the other.
    bool overtaken = false;
    for (std::uint64_t seed = 0; seed < 20 && !overtaken; ++seed) {
        Line line(kJitter, seed);
        line.network.send(0, 1, Channel::bulk, 100, line.arrives(0));
        line.network.send(0, 1, Channel::direct, 100, line.arrives(1));
        line.run();
        overtaken = !line.is_in_order();
    }
    CHECK(overtaken);
    overtaken = false;
    for (std::uint64_t seed = 0; seed < 20 && !overtaken; ++seed) {
        Line line(kJitter, seed);
        line.network.send(0, 1, Channel::direct, 100, line.arrives(0));
        line.network.send(1, 0, Channel::direct, 100, line.arrives(1));
        line.run();
        overtaken = !line.is_in_order();
    }
    CHECK(overtaken);
}

TEST_CASE("a cut loses what is sent and what is under way, and ends", "[network]") {
    Line line({10ms, 10ms, 0, 0});
    line.network.send(0, 1, Channel::direct, 100, line.arrives(0));
    LinkFault cut;
    cut.links = {{0, 1}};
    cut.cut = {Channel::direct};
    const auto fault = line.network.add(cut);
    line.network.send(0, 1, Channel::direct, 100, line.arrives(1));
    line.network.send(0, 1, Channel::bulk, 100, line.arrives(2));
    line.network.send(1, 0, Channel::direct, 100, line.arrives(3));
    line.run();
    REQUIRE(line.arrived.size() == 2);
    CHECK(line.arrived[0].message == 2);
    CHECK(line.arrived[1].message == 3);
    line.network.remove(fault);
    line.network.send(0, 1, Channel::direct, 100, line.arrives(4));
    line.run();
    CHECK(line.arrived.back().message == 4);
}

TEST_CASE("a clogged link carries so many bytes a second", "[network]") {
    Line line({0ms, 0ms, 0, 0});
    LinkFault clog;
    clog.links = {{0, 1}};
    clog.bytes_per_second = 1000;
    (void)line.network.add(clog);
    for (int i = 0; i < 10; ++i) {
        line.network.send(0, 1, Channel::bulk, 500, line.arrives(i));
    }
    line.run();
    REQUIRE(line.arrived.size() == 10);
    CHECK(line.arrived.back().when >= Instant(4500ms));
    CHECK(line.arrived.back().when <= Instant(5500ms));
}

TEST_CASE("the fate of messages is a function of the seed", "[network]") {
    const auto run = [](std::uint64_t seed) {
        Line line({1ms, 50ms, 0.3, 0.3}, seed);
        line.gossip(200);
        line.send(200);
        return line.arrived;
    };
    CHECK(run(5) == run(5));
    CHECK(run(5) != run(6));
}

}  // namespace dynavg::simulation
