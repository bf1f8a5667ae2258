#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::training {

/// The samples of one peer, as indices into the data set.
struct Shard {
    std::vector<std::uint32_t> samples;
};

enum class SplitKind : std::uint8_t {
    iid,        ///< The stored order cut into K equal parts.
    sorted,     ///< The first samples, sorted by label, cut into K, plus an equal cut of the rest.
    label,      ///< All samples of one label first, then the rest, cut into K.
    dirichlet,  ///< The samples of each label in shares that are drawn from a Dirichlet
                ///< distribution with one parameter for all peers (Hsu et al. 2019).
    unequal,    ///< The stored order cut into K parts whose sizes grow evenly.
};

/// How one data set is cut among K peers: the FDA paper's three ways, and two more. All are
/// functions of the stored order alone; dirichlet draws from a fixed seed, so that all peers cut
/// alike (on one C library: it takes logarithms).
struct Split {
    SplitKind kind = SplitKind::iid;
    double fraction = 0;     ///< sorted: the share of the samples that is sorted, in [0, 1].
                             ///< dirichlet: its parameter, above 0. unequal: largest to smallest
                             ///< shard, from 1 on.
    std::uint8_t label = 0;  ///< label: the label whose samples come first.
};

/// The shards of all K peers: disjoint, together everything; of the paper's three, sizes differ by
/// at most two. Fails if count is 0 or a shard would be empty.
[[nodiscard]] Expected<std::vector<Shard>, Error> cut(std::span<const std::uint8_t> labels,
                                                      const Split& split, std::size_t count);

/// Everything in stored order: the shard of a peer that has its own data.
[[nodiscard]] Shard whole(std::size_t samples);

}  // namespace dynavg::training
