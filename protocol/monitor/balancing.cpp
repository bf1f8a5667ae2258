#include "protocol/monitor/balancing.hpp"

#include <iterator>
#include <map>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/reference/weighted_mean.hpp"

namespace dynavg::protocol {

namespace {

std::vector<float> mean_of(const std::map<std::size_t, std::vector<float>>& models,
                           std::span<const float> all_weights) {
    std::vector<float> weights;
    std::vector<const float*> values;
    for (const auto& [peer, model] : models) {
        weights.push_back(all_weights[peer]);
        values.push_back(model.data());
    }
    std::vector<float> mean(models.begin()->second.size());
    weighted_mean(mean_weights(weights), values, mean);
    return mean;
}

/// Any of those that are not in it, each as likely.
std::size_t draw_another(const std::set<std::size_t>& members, std::size_t peers,
                         RandomStream& random) {
    std::size_t drawn = random.below(peers - members.size());
    for (const std::size_t member : members) drawn += member <= drawn ? 1 : 0;
    return drawn;
}

}  // namespace

bool is_for_all(std::size_t members, std::size_t peers) {
    return 2 * members >= peers;
}

std::optional<Balancing> balance(const Reference& reference, std::set<std::size_t> violators,
                                 const BalancingPeers& peers, RandomStream random) {
    DYNAVG_CHECK(!violators.empty() && *violators.rbegin() < peers.weights.size());
    Balancing balancing{std::move(violators), {}};
    std::map<std::size_t, std::vector<float>> models;
    while (!is_for_all(balancing.members.size(), peers.weights.size())) {
        for (const std::size_t member : balancing.members) {
            if (!models.contains(member)) models.emplace(member, peers.model(member));
        }
        balancing.mean = mean_of(models, peers.weights);
        const std::span<const float> parameters(balancing.mean.data(), reference.parameters);
        const double distance = squared_distance(parameters, reference.parameter_values());
        if (distance <= reference.threshold) return balancing;
        balancing.members.insert(draw_another(balancing.members, peers.weights.size(), random));
    }
    return std::nullopt;
}

}  // namespace dynavg::protocol
