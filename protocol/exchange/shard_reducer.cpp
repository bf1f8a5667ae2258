#include "protocol/exchange/shard_reducer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/reference/weighted_mean.hpp"

namespace dynavg::protocol {

namespace {

/// Rounding that an honest squared norm, told as float32, may show.
constexpr double kNormTolerance = 1e-3;
constexpr double kNormSlack = 1e-9;
/// In a merge, of mean squares: a thousand times the root mean square of one's own model. Models
/// that learned apart for long are far within.
constexpr double kMergeRatio = 1e6;

double squared_norm(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
    return sum;
}

/// At least 1: where nothing has been learned, it says nothing.
double mean_square(std::span<const float> values) {
    const auto count = static_cast<double>(std::max<std::size_t>(values.size(), 1));
    return std::max(1.0, squared_norm(values) / count);
}

std::optional<std::string> judge_facts(const ContributionFacts& facts, float weight_max) {
    if (!(facts.weight >= 0 && facts.weight <= weight_max)) {
        return fmt::format("its weight is {}, at most {} is allowed", facts.weight, weight_max);
    }
    if (!std::isfinite(facts.squared_norm) || facts.squared_norm < 0) {
        return fmt::format("its squared norm is {}", facts.squared_norm);
    }
    if (facts.setting && !is_valid(*facts.setting)) {
        return fmt::format("the threshold {}, set at {} ms, that it tells is none",
                           facts.setting->threshold, facts.setting->set_at_ms);
    }
    return std::nullopt;
}

}  // namespace

ShardReducer::ShardReducer(Shard shard, std::size_t members, std::size_t self, float weight_max,
                           Judge judge, ReferencePointer base, ContributionPointer own,
                           const ContributionFacts& own_facts)
    : m_shard(shard),
      m_chunks(chunk_count(shard.count * sizeof(float))),
      m_self(self),
      m_weight_max(weight_max),
      m_judge(judge),
      m_base(std::move(base)),
      m_own(std::move(own)),
      m_own_facts(own_facts),
      m_own_mean_square(
          mean_square(std::span<const float>(m_own->values).first(m_base->parameters))),
      m_sources(members),
      m_mean(std::make_shared<std::vector<float>>(shard.count)) {
    DYNAVG_CHECK(self < members);
}

std::size_t ShardReducer::chunk_bytes(std::uint32_t index) const {
    return chunk_range(m_shard.count * sizeof(float), index).count;
}

std::optional<ShardReducer::Fault> ShardReducer::take(std::size_t member, std::uint32_t index,
                                                      const ContributionFacts& facts,
                                                      std::span<const std::byte> payload) {
    DYNAVG_CHECK(member < m_sources.size() && member != m_self);
    DYNAVG_CHECK(index >= m_reduced && index < end() && payload.size() == chunk_bytes(index));
    Source& source = m_sources[member];
    const std::size_t slot = index % limits::kChunksInFlightMax;
    DYNAVG_CHECK(!source.filled[slot]);
    std::vector<float>& values = source.slots[slot];
    values.resize(payload.size() / sizeof(float));
    m_buffered_bytes += payload.size();
    m_buffered_bytes_max = std::max(m_buffered_bytes_max, m_buffered_bytes);
    if (!payload.empty()) std::memcpy(values.data(), payload.data(), payload.size());
    source.filled[slot] = true;
    if (auto reason = judge(source, index, facts, values)) return Fault{member, std::move(*reason)};
    return std::nullopt;
}

std::optional<ShardReducer::Fault> ShardReducer::reduce() {
    while (!complete() && ready()) {
        if (auto fault = reduce_one()) return fault;
    }
    if (complete()) {
        // From here on the mean is only served.
        for (Source& source : m_sources) source.slots = {};
        m_base.reset();
    }
    return std::nullopt;
}

std::vector<ContributionFacts> ShardReducer::facts() const {
    std::vector<ContributionFacts> facts;
    facts.reserve(m_sources.size());
    for (const Source& source : m_sources) {
        facts.push_back(source.facts.value_or(ContributionFacts{}));
    }
    return facts;
}

Shard ShardReducer::chunk_shard(std::uint32_t index) const {
    const ByteRange range = chunk_range(m_shard.count * sizeof(float), index);
    return {m_shard.first + range.first / sizeof(float), range.count / sizeof(float)};
}

std::optional<std::string> ShardReducer::judge(Source& source, std::uint32_t index,
                                               const ContributionFacts& facts,
                                               std::span<const float> values) const {
    if (auto reason = judge_facts(facts, m_weight_max)) return reason;
    if (source.facts && *source.facts != facts) return "its facts change from chunk to chunk";
    source.facts = facts;
    if (!all_finite(values)) return fmt::format("a value in chunk {} is not finite", index);
    // Buffers are no part of a drift, and of any size.
    const Shard place = chunk_shard(index);
    const std::size_t end = std::min(place.first + place.count, m_base->parameters);
    const std::size_t count = end - std::min(end, place.first);
    if (count == 0) return std::nullopt;
    const auto parameters = values.first(count);
    return m_judge == Judge::drifts ? judge_drift(source, place.first, parameters)
                                    : judge_model(place.first, parameters);
}

/// An owner sees only its shard of the drift: the whole is at least as large.
std::optional<std::string> ShardReducer::judge_drift(Source& source, std::size_t first,
                                                     std::span<const float> parameters) const {
    source.squared_distance +=
        squared_distance(parameters, m_base->parameter_values().subspan(first, parameters.size()));
    const double announced = static_cast<double>(source.facts->squared_norm);
    if (source.squared_distance > announced * (1 + kNormTolerance) + kNormSlack) {
        return fmt::format("its drift has a squared norm of {} or more, it announced {}",
                           source.squared_distance, announced);
    }
    return std::nullopt;
}

std::optional<std::string> ShardReducer::judge_model(std::size_t first,
                                                     std::span<const float> parameters) const {
    const double theirs = squared_norm(parameters) / static_cast<double>(parameters.size());
    if (theirs <= kMergeRatio * m_own_mean_square) return std::nullopt;
    return fmt::format(
        "its parameters {} to {} have a root mean square of {}, the model here of {}", first,
        first + parameters.size() - 1, std::sqrt(theirs), std::sqrt(m_own_mean_square));
}

bool ShardReducer::ready() const {
    const std::size_t slot = m_reduced % limits::kChunksInFlightMax;
    for (std::size_t member = 0; member < m_sources.size(); ++member) {
        if (member != m_self && !m_sources[member].filled[slot]) return false;
    }
    return true;
}

std::optional<ShardReducer::Fault> ShardReducer::reduce_one() {
    const Shard place = chunk_shard(m_reduced);
    const auto own = std::span(m_own->values).subspan(place.first, place.count);
    if (auto reason = judge(m_sources[m_self], m_reduced, m_own_facts, own)) {
        return Fault{m_self, std::move(*reason)};
    }
    const std::size_t slot = m_reduced % limits::kChunksInFlightMax;
    std::vector<const float*> values;
    std::vector<float> weights;
    for (std::size_t member = 0; member < m_sources.size(); ++member) {
        const Source& source = m_sources[member];
        values.push_back(member == m_self ? own.data() : source.slots[slot].data());
        weights.push_back(m_judge == Judge::drifts ? source.facts->weight : 1.0F);
    }
    const MeanWeights mean_of = mean_weights(weights);
    const std::span<float> mean =
        std::span(*m_mean).subspan(place.first - m_shard.first, place.count);
    weighted_mean(mean_of, values, mean);
    if (!std::isfinite(mean_of.divisor) || !all_finite(mean)) {
        return blame_overflow(values, mean_of.factors, mean);
    }
    for (std::size_t member = 0; member < m_sources.size(); ++member) {
        if (member == m_self) continue;
        // Emptied, not freed: the next chunk needs the same memory.
        m_buffered_bytes -= m_sources[member].slots[slot].size() * sizeof(float);
        m_sources[member].filled[slot] = false;
    }
    ++m_reduced;
    return std::nullopt;
}

ShardReducer::Fault ShardReducer::blame_overflow(std::span<const float* const> values,
                                                 std::span<const float> factors,
                                                 std::span<const float> mean) const {
    const auto bad =
        std::find_if(mean.begin(), mean.end(), [](float value) { return !std::isfinite(value); });
    std::size_t largest = 0;
    double largest_term = -1;
    for (std::size_t member = 0; member < values.size(); ++member) {
        double term = static_cast<double>(factors[member]);
        if (bad != mean.end())
            term *= std::abs(static_cast<double>(values[member][bad - mean.begin()]));
        if (term > largest_term) {
            largest = member;
            largest_term = term;
        }
    }
    return {largest, "its values or its weight are too large: the mean overflows"};
}

}  // namespace dynavg::protocol
