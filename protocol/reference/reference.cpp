#include "protocol/reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/random.hpp"
#include "protocol/reference/weighted_mean.hpp"

namespace dynavg::protocol {

namespace {

ReferencePointer finish(Reference reference) {
    Digester digester;
    digester.add_u64(reference.epoch.value())
        .add_double(reference.threshold)
        .add_u64(reference.parameters)
        .add(std::span<const float>(reference.values))
        .add(std::span<const float>(reference.direction));
    if (!reference.outer.empty()) {
        digester.add(std::span<const float>(reference.outer)).add_u64(reference.outer_steps);
    }
    if (reference.threshold_set_at_ms > 0) digester.add_u64(reference.threshold_set_at_ms);
    reference.id = {reference.epoch, digester.finish()};
    return std::make_shared<const Reference>(std::move(reference));
}

/// A digest only proves that the bits are those that the source announced.
bool is_usable(const Reference& reference) {
    const auto finite = [](float value) { return std::isfinite(value); };
    double squared_norm = 0;
    for (const float value : reference.direction) {
        squared_norm += static_cast<double>(value) * static_cast<double>(value);
    }
    return std::all_of(reference.values.begin(), reference.values.end(), finite) &&
           std::all_of(reference.outer.begin(), reference.outer.end(), finite) &&
           squared_norm <= 1.001 && std::isfinite(reference.threshold) && reference.threshold > 0 &&
           reference.threshold_set_at_ms <= limits::kSetAtMsMax;
}

/// A threshold that a person has set since takes the old one's place, unless a rule moves it.
void apply_settings(Reference& next, const OuterRules& rules,
                    std::span<const ContributionFacts> facts) {
    const auto setting = latest_setting(facts);
    const bool fixed = rules.threshold.kind == ThresholdKind::fixed;
    if (!fixed || !setting || setting->set_at_ms <= next.threshold_set_at_ms) return;
    next.threshold = setting->threshold;
    next.threshold_set_at_ms = setting->set_at_ms;
}

std::vector<float> random_direction(std::size_t parameters, std::uint64_t seed) {
    RandomStream stream(seed, RandomPurpose::direction);
    const auto component = static_cast<float>(1.0 / std::sqrt(static_cast<double>(parameters)));
    std::vector<float> direction(parameters);
    for (float& value : direction) value = (stream() & 1U) != 0 ? component : -component;
    return direction;
}

/// Unit vector of next - previous; empty if they are equal. The norm is summed in index order.
std::vector<float> unit_difference(std::span<const float> next, std::span<const float> previous) {
    double sum = 0;
    for (std::size_t i = 0; i < next.size(); ++i) {
        const double difference = static_cast<double>(next[i]) - static_cast<double>(previous[i]);
        sum += difference * difference;
    }
    if (!(sum > 0) || !std::isfinite(sum)) return {};
    const double norm = std::sqrt(sum);
    std::vector<float> unit(next.size());
    for (std::size_t i = 0; i < next.size(); ++i) {
        const double difference = static_cast<double>(next[i]) - static_cast<double>(previous[i]);
        unit[i] = static_cast<float>(difference / norm);
    }
    return unit;
}

}  // namespace

std::size_t ReferenceShape::encoded_bytes() const {
    const std::size_t vectors = outer_vectors + (has_direction ? 1 : 0);
    return sizeof(double) + sizeof(std::uint64_t) +
           sizeof(float) * (values() + vectors * parameters) +
           (outer_vectors > 0 ? sizeof(std::uint64_t) : 0);
}

ReferenceShape Reference::shape() const {
    const std::size_t vectors = parameters == 0 ? 0 : outer.size() / parameters;
    return {parameters, values.size() - parameters, !direction.empty(), vectors};
}

std::optional<ThresholdSetting> Reference::setting() const {
    if (threshold_set_at_ms == 0) return std::nullopt;
    return ThresholdSetting{threshold, threshold_set_at_ms};
}

ReferencePointer make_initial_reference(ReferenceShape shape, std::vector<float> values,
                                        double threshold, std::uint64_t seed) {
    DYNAVG_CHECK(values.size() == shape.values());
    Reference reference;
    reference.threshold = threshold;
    reference.values = std::move(values);
    reference.parameters = shape.parameters;
    if (shape.has_direction) reference.direction = random_direction(shape.parameters, seed);
    reference.outer.resize(shape.outer_vectors * shape.parameters);
    return finish(std::move(reference));
}

ReferencePointer make_next_reference(const Reference& previous, Epoch target,
                                     std::vector<float> mean, const OuterRules& rules,
                                     std::span<const ContributionFacts> facts) {
    DYNAVG_CHECK(mean.size() == previous.values.size());
    const std::span<float> parameters = std::span(mean).first(previous.parameters);
    Reference next;
    next.epoch = target;
    next.threshold = previous.threshold;
    next.threshold_set_at_ms = previous.threshold_set_at_ms;
    if (rules.threshold.kind != ThresholdKind::fixed) {
        const double move = squared_distance(parameters, previous.parameter_values());
        next.threshold = next_threshold(rules.threshold, previous.threshold, facts, move,
                                        previous.values.size());
    }
    apply_settings(next, rules, facts);
    next.parameters = previous.parameters;
    next.outer = previous.outer;
    next.outer_steps = previous.outer_steps + 1;
    outer_step(rules.optimizer, previous.parameter_values(), parameters, next.outer,
               previous.outer_steps);
    if (!previous.direction.empty()) {
        next.direction = unit_difference(parameters, previous.parameter_values());
        if (next.direction.empty()) next.direction = previous.direction;
    }
    next.values = std::move(mean);
    return finish(std::move(next));
}

ReferencePointer make_merged_reference(const Reference& initial, Epoch target,
                                       std::vector<float> mean, const OuterRules& rules,
                                       std::span<const ContributionFacts> facts) {
    DYNAVG_CHECK(mean.size() == initial.values.size());
    Reference next;
    next.epoch = target;
    next.threshold = initial.threshold;
    apply_settings(next, rules, facts);
    next.parameters = initial.parameters;
    next.direction = initial.direction;
    next.outer = initial.outer;
    next.values = std::move(mean);
    return finish(std::move(next));
}

std::vector<std::byte> encode_reference(const Reference& reference) {
    std::vector<std::byte> bytes(reference.shape().encoded_bytes());
    std::byte* out = bytes.data();
    const auto put = [&out](const void* data, std::size_t size) {
        if (size > 0) std::memcpy(out, data, size);
        out += size;
    };
    put(&reference.threshold, sizeof reference.threshold);
    put(&reference.threshold_set_at_ms, sizeof reference.threshold_set_at_ms);
    put(reference.values.data(), reference.values.size() * sizeof(float));
    put(reference.direction.data(), reference.direction.size() * sizeof(float));
    put(reference.outer.data(), reference.outer.size() * sizeof(float));
    if (!reference.outer.empty()) put(&reference.outer_steps, sizeof reference.outer_steps);
    return bytes;
}

Expected<ReferencePointer, Error> decode_reference(std::span<const std::byte> bytes,
                                                   ReferenceShape shape, ReferenceId expected) {
    if (bytes.size() != shape.encoded_bytes()) {
        return fail(fmt::format("reference {} has {} bytes, this model's has {}",
                                expected.epoch.value(), bytes.size(), shape.encoded_bytes()));
    }
    Reference reference;
    reference.epoch = expected.epoch;
    reference.parameters = shape.parameters;
    reference.values.resize(shape.values());
    reference.direction.resize(shape.has_direction ? shape.parameters : 0);
    reference.outer.resize(shape.outer_vectors * shape.parameters);
    const std::byte* in = bytes.data();
    const auto take = [&in](void* data, std::size_t size) {
        if (size > 0) std::memcpy(data, in, size);
        in += size;
    };
    take(&reference.threshold, sizeof reference.threshold);
    take(&reference.threshold_set_at_ms, sizeof reference.threshold_set_at_ms);
    take(reference.values.data(), reference.values.size() * sizeof(float));
    take(reference.direction.data(), reference.direction.size() * sizeof(float));
    take(reference.outer.data(), reference.outer.size() * sizeof(float));
    if (shape.outer_vectors > 0) take(&reference.outer_steps, sizeof reference.outer_steps);
    if (!is_usable(reference)) {
        return fail(fmt::format("reference {} holds numbers that are infinite or not a number",
                                expected.epoch.value()));
    }
    ReferencePointer made = finish(std::move(reference));
    if (made->id.digest != expected.digest) {
        return fail(
            fmt::format("reference {} has digest {}, {} was announced: it was damaged on "
                        "its way, or its sender lies",
                        expected.epoch.value(), made->id.digest.hex(), expected.digest.hex()));
    }
    return made;
}

}  // namespace dynavg::protocol
