#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/reference/reference.hpp"

namespace dynavg::protocol {

/// The models of the peers, as a balancing needs them. Peers are numbered in the order in which
/// they are summed.
struct BalancingPeers {
    std::span<const float> weights;  ///< How much each counts.
    /// Parameters, then buffers, of one, as they stand. Asked once for each that comes in: in
    /// Kamp's system it is fetched then.
    std::function<std::vector<float>(std::size_t)> model;
};

struct Balancing {
    std::set<std::size_t> members;  ///< The peers whose models become the mean.
    std::vector<float> mean;        ///< Parameters, then buffers.
};

/// Whether `members` of so many peers are too many to be balanced: then all are averaged. The
/// reference platform (fraunhofer-iais/dlplatform, DynamicHedgeSync) gives up at half of them.
[[nodiscard]] bool is_for_all(std::size_t members, std::size_t peers);

/// Kamp et al. 2018, dynamic averaging sigma(Delta, b): the balancing set B starts as those that
/// violate ||w - r||^2 <= Delta, where r is the reference and Delta its threshold, and grows by one
/// peer drawn at random until ||mean(B) - r||^2 <= Delta. Nothing, once B is for all. The mean is
/// weighted and rounded as a round's, so it does not depend on the order in which B grew; that of
/// all models stays what it was, short of rounding. Cost: for each size of B one pass over its
/// models.
[[nodiscard]] std::optional<Balancing> balance(const Reference& reference,
                                               std::set<std::size_t> violators,
                                               const BalancingPeers& peers, RandomStream random);

}  // namespace dynavg::protocol
