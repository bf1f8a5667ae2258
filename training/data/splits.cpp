#include "training/data/splits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::training {

namespace {

/// Any would do, but it must be the same for all.
constexpr std::uint64_t kDirichletSeed = 1;

/// Appends to each shard its part of `samples`, in order; `shares` are of their sum.
void deal(std::span<const std::uint32_t> samples, std::span<const double> shares,
          std::vector<Shard>& shards) {
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    double before = 0;
    std::size_t begin = 0;
    for (std::size_t k = 0; k < shards.size(); ++k) {
        before += shares[k];
        const double end_of_part = static_cast<double>(samples.size()) * before / sum;
        const std::size_t end =
            k + 1 == shards.size()
                ? samples.size()
                : std::min(static_cast<std::size_t>(end_of_part), samples.size());
        const auto part = samples.subspan(begin, end - begin);
        shards[k].samples.insert(shards[k].samples.end(), part.begin(), part.end());
        begin = end;
    }
}

/// Equal parts.
void deal(std::span<const std::uint32_t> samples, std::vector<Shard>& shards) {
    const std::size_t count = shards.size();
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t begin = samples.size() * k / count;
        const std::size_t end = samples.size() * (k + 1) / count;
        const auto part = samples.subspan(begin, end - begin);
        shards[k].samples.insert(shards[k].samples.end(), part.begin(), part.end());
    }
}

/// Box and Muller.
double standard_normal(protocol::RandomStream& stream) {
    const double radius = std::sqrt(-2 * std::log(1 - stream.uniform()));
    return radius * std::cos(2 * std::numbers::pi * stream.uniform());
}

/// Marsaglia and Tsang 2000; for a shape below 1, from that of shape + 1.
double gamma(double shape, protocol::RandomStream& stream) {
    if (shape < 1) {
        return gamma(shape + 1, stream) * std::pow(1 - stream.uniform(), 1 / shape);
    }
    const double d = shape - 1.0 / 3;
    const double c = 1 / std::sqrt(9 * d);
    for (;;) {
        const double x = standard_normal(stream);
        const double v = std::pow(1 + c * x, 3);
        if (v <= 0) continue;
        if (std::log(1 - stream.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
    }
}

void deal_by_label(std::span<const std::uint8_t> labels, double parameter,
                   std::vector<Shard>& shards) {
    std::map<std::uint8_t, std::vector<std::uint32_t>> by_label;
    for (std::uint32_t i = 0; i < labels.size(); ++i) by_label[labels[i]].push_back(i);
    for (const auto& [label, samples] : by_label) {
        protocol::RandomStream stream(kDirichletSeed, protocol::RandomPurpose::synthetic_data,
                                      label, shards.size());
        std::vector<double> shares(shards.size());
        for (double& share : shares) {
            share = std::max(gamma(parameter, stream), std::numeric_limits<double>::min());
        }
        deal(samples, shares, shards);
    }
}

}  // namespace

Expected<std::vector<Shard>, Error> cut(std::span<const std::uint8_t> labels, const Split& split,
                                        std::size_t count) {
    if (count == 0 || count > labels.size()) {
        return fail(
            fmt::format("{} samples cannot be cut into {} shards; choose a count from 1 "
                        "to {}",
                        labels.size(), count, labels.size()));
    }
    std::vector<std::uint32_t> order = whole(labels.size()).samples;
    std::vector<Shard> shards(count);
    std::size_t sorted = labels.size();
    if (split.kind == SplitKind::sorted) {
        DYNAVG_CHECK(split.fraction >= 0 && split.fraction <= 1);
        sorted = static_cast<std::size_t>(split.fraction * static_cast<double>(labels.size()));
        const auto end = order.begin() + static_cast<std::ptrdiff_t>(sorted);
        std::stable_sort(order.begin(), end,
                         [&](std::uint32_t a, std::uint32_t b) { return labels[a] < labels[b]; });
    }
    if (split.kind == SplitKind::label) {
        std::stable_partition(order.begin(), order.end(),
                              [&](std::uint32_t sample) { return labels[sample] == split.label; });
    }
    if (split.kind == SplitKind::dirichlet) {
        deal_by_label(labels, split.fraction, shards);
    } else if (split.kind == SplitKind::unequal) {
        std::vector<double> shares(count, 1);
        for (std::size_t k = 1; k < count; ++k) {
            shares[k] +=
                (split.fraction - 1) * static_cast<double>(k) / static_cast<double>(count - 1);
        }
        deal(order, shares, shards);
    } else {
        deal(std::span(order).first(sorted), shards);
        deal(std::span(order).subspan(sorted), shards);
    }
    for (std::size_t k = 0; k < count; ++k) {
        if (shards[k].samples.empty()) {
            return fail(
                fmt::format("{} samples cut into {} shards leave shard {} empty; choose a smaller "
                            "count",
                            labels.size(), count, k));
        }
    }
    return shards;
}

Shard whole(std::size_t samples) {
    Shard shard{std::vector<std::uint32_t>(samples)};
    std::iota(shard.samples.begin(), shard.samples.end(), 0U);
    return shard;
}

}  // namespace dynavg::training
