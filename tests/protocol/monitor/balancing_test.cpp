#include "protocol/monitor/balancing.hpp"

#include <algorithm>
#include <cmath>

#include "protocol/reference/weighted_mean.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

constexpr double kThreshold = 4;

/// Two parameters and a buffer, all zero.
const ReferencePointer kReference = make_initial_reference({2, 1, false}, {0, 0, 0}, kThreshold, 1);

RandomStream stream(std::uint32_t step = 1) {
    return {1, RandomPurpose::balancing, step, 0};
}

/// Peers with these models; remembers whose were asked for.
struct Models {
    explicit Models(std::vector<std::vector<float>> all)
        : models(std::move(all)), weights(models.size(), 1.0F) {}

    std::optional<Balancing> balance(std::set<std::size_t> violators, std::uint32_t step = 1) {
        return protocol::balance(*kReference, std::move(violators),
                                 {weights,
                                  [this](std::size_t peer) {
                                      CHECK(asked.insert(peer).second);
                                      return models.at(peer);
                                  }},
                                 stream(step));
    }
    void apply(const Balancing& balancing) {
        for (const std::size_t member : balancing.members) models.at(member) = balancing.mean;
    }
    [[nodiscard]] std::vector<double> mean() const {
        std::vector<double> mean(3);
        double sum = 0;
        for (std::size_t peer = 0; peer < models.size(); ++peer) {
            const auto weight = static_cast<double>(weights[peer]);
            sum += weight;
            for (std::size_t i = 0; i < mean.size(); ++i) {
                mean[i] += weight * static_cast<double>(models[peer][i]);
            }
        }
        for (double& value : mean) value /= sum;
        return mean;
    }

    std::vector<std::vector<float>> models;
    std::vector<float> weights;
    std::set<std::size_t> asked;
};

std::vector<std::vector<float>> at_reference(std::size_t peers) {
    return std::vector<std::vector<float>>(peers, {0, 0, 0});
}

}  // namespace

TEST_CASE("violators whose mean is near the reference need no other peer", "[balancing]") {
    Models peers(at_reference(8));
    peers.models[1] = {3, 1, 10};
    peers.models[5] = {-3, 0, 20};
    const auto balancing = peers.balance({1, 5});
    REQUIRE(balancing);
    CHECK(balancing->members == std::set<std::size_t>{1, 5});
    CHECK(balancing->mean == std::vector<float>{0, 0.5F, 15});
    CHECK(peers.asked == balancing->members);
}

TEST_CASE("a balancing set grows by one until its mean is near", "[balancing]") {
    Models peers(at_reference(10));
    peers.models[4] = {5, 0, 0};
    const auto balancing = peers.balance({4});
    REQUIRE(balancing);
    // 5 / 2 is above the square root of the threshold, 5 / 3 is below.
    CHECK(balancing->members.size() == 3);
    CHECK(balancing->members.contains(4));
    CHECK(balancing->mean[0] == Approx(5.0 / 3));
    CHECK(peers.asked == balancing->members);
}

TEST_CASE("a mean whose distance equals the threshold is near enough", "[balancing]") {
    Models peers(at_reference(6));
    peers.models[0] = {4, 0, 0};
    CHECK(peers.balance({0}).value().members.size() == 2);
}

TEST_CASE("buffers are averaged, and are no part of the distance", "[balancing]") {
    Models peers(at_reference(8));
    peers.models[2] = {3, 0, 1000};
    const auto balancing = peers.balance({2});
    REQUIRE(balancing);
    CHECK(balancing->mean == std::vector<float>{1.5F, 0, 500});
}

TEST_CASE("a set that gets to be half of the peers is for all", "[balancing]") {
    Models peers(at_reference(10));
    for (auto& model : peers.models) model = {1.9F, 0, 0};
    peers.models[0] = {3, 0, 0};
    // With four others it would be near.
    CHECK_FALSE(peers.balance({0}));
    CHECK(peers.asked.size() == 4);
    // Of eleven peers, five are fewer than half.
    Models more(at_reference(11));
    for (auto& model : more.models) model = {1.75F, 0, 0};
    more.models[0] = {3, 0, 0};
    const auto balancing = more.balance({0});
    REQUIRE(balancing);
    CHECK(balancing->members.size() == 5);
}

TEST_CASE("so many violators are for all, however near their mean is", "[balancing]") {
    Models peers(at_reference(4));
    peers.models[0] = {3, 0, 0};
    peers.models[1] = {-3, 0, 0};
    CHECK_FALSE(peers.balance({0, 1}));
    CHECK(peers.asked.empty());
    for (const std::size_t few : {1U, 2U}) {
        CAPTURE(few);
        CHECK_FALSE(Models(at_reference(few)).balance({0}));
    }
    CHECK(is_for_all(5, 10));
    CHECK_FALSE(is_for_all(4, 10));
    CHECK_FALSE(is_for_all(5, 11));
}

TEST_CASE("a balancing leaves the mean of all models and the others as they were", "[balancing]") {
    for (const bool weighted : {false, true}) {
        Models peers(at_reference(9));
        RandomStream random(7, RandomPurpose::test);
        for (auto& model : peers.models) {
            for (float& value : model) value = random.uniform_float() - 0.5F;
        }
        if (weighted) peers.weights = {1, 200, 3, 40, 5, 60, 7, 8, 900};
        peers.models[6] = {2.5F, 1, 3};
        const std::vector<std::vector<float>> before = peers.models;
        const std::vector<double> mean = peers.mean();
        const auto balancing = peers.balance({6});
        REQUIRE(balancing);
        peers.apply(*balancing);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(peers.mean()[i] == Approx(mean[i]).margin(1e-6));
        }
        for (std::size_t peer = 0; peer < before.size(); ++peer) {
            if (!balancing->members.contains(peer)) CHECK(peers.models[peer] == before[peer]);
        }
        const std::span<const float> moved = std::span(balancing->mean).first(2);
        CHECK(squared_distance(moved, kReference->parameter_values()) <= kThreshold);
    }
}

TEST_CASE("a contribution that counts more pulls a mean more", "[balancing]") {
    Models peers(at_reference(8));
    peers.models[0] = {3, 0, 0};
    peers.models[3] = {-3, 0, 0};
    peers.weights[0] = 2;
    CHECK(peers.balance({0, 3}).value().mean[0] == Approx(1));
}

TEST_CASE("an added peer is drawn from all others by the stream alone", "[balancing]") {
    const std::set<std::size_t> violators{0, 3, 8};
    std::set<std::size_t> added;
    for (std::uint32_t step = 1; step <= 200; ++step) {
        const auto members = [&] {
            Models peers(at_reference(9));
            for (const std::size_t violator : violators) peers.models[violator] = {2.5F, 0, 0};
            return peers.balance(violators, step).value().members;
        };
        const std::set<std::size_t> first = members();
        CHECK(first == members());
        REQUIRE(first.size() == 4);
        std::set_difference(first.begin(), first.end(), violators.begin(), violators.end(),
                            std::inserter(added, added.end()));
    }
    CHECK(added == std::set<std::size_t>{1, 2, 4, 5, 6, 7});
}

}  // namespace dynavg::protocol
