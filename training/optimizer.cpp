#include "training/optimizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "training/kernels/lane_kernels.hpp"

namespace dynavg::training {

Expected<void, Error> validate(const OptimizerOptions& options) {
    const auto outside = [](std::string_view key, double value, std::string_view allowed) {
        return fail(fmt::format("{} is {}; it must be {}", key, value, allowed));
    };
    if (!std::isfinite(options.learning_rate) || options.learning_rate <= 0) {
        return outside("learning_rate", options.learning_rate, "above 0");
    }
    if (!(options.momentum >= 0 && options.momentum < 1)) {
        return outside("momentum", options.momentum, "from 0 to below 1");
    }
    if (!std::isfinite(options.weight_decay) || options.weight_decay < 0) {
        return outside("weight_decay", options.weight_decay, "0 or more");
    }
    if (options.kind == OptimizerKind::adam && options.weight_decay > 0) {
        return outside("weight_decay", options.weight_decay,
                       "0 with optimizer \"adam\"; \"adamw\" decays");
    }
    if (options.kind != OptimizerKind::sgd && (options.momentum > 0 || options.nesterov)) {
        return fail("momentum and nesterov belong to optimizer \"sgd\"; remove them");
    }
    if (!(options.beta1 >= 0 && options.beta1 < 1)) {
        return outside("beta1", options.beta1, "from 0 to below 1");
    }
    if (!(options.beta2 >= 0 && options.beta2 < 1)) {
        return outside("beta2", options.beta2, "from 0 to below 1");
    }
    if (!std::isfinite(options.epsilon) || options.epsilon <= 0) {
        return outside("epsilon", options.epsilon, "above 0");
    }
    return {};
}

Optimizer::Optimizer(const OptimizerOptions& options, std::size_t parameters) : m_options(options) {
    const bool adaptive = options.kind != OptimizerKind::sgd;
    if (adaptive || options.momentum > 0) m_mean.resize(parameters);
    if (adaptive) m_variance.resize(parameters);
}

void Optimizer::update(std::span<float> parameters, std::span<const float> gradient,
                       std::size_t first) {
    DYNAVG_CHECK(parameters.size() == gradient.size());
    const LaneKernels& kernels = lane_kernels();
    const double rate = m_options.learning_rate;
    const auto decay = static_cast<float>(m_options.weight_decay);
    if (m_options.kind != OptimizerKind::sgd) {
        DYNAVG_CHECK(m_mean.size() == first + parameters.size());
        m_beta1_power *= m_options.beta1;
        m_beta2_power *= m_options.beta2;
        const double corrected = rate * std::sqrt(1 - m_beta2_power) / (1 - m_beta1_power);
        kernels.adam(parameters.data(), gradient.data(), m_mean.data() + first,
                     m_variance.data() + first, parameters.size(),
                     {static_cast<float>(corrected), static_cast<float>(m_options.beta1),
                      static_cast<float>(m_options.beta2), static_cast<float>(m_options.epsilon),
                      static_cast<float>(rate * m_options.weight_decay)});
    } else if (m_options.momentum > 0) {
        DYNAVG_CHECK(m_mean.size() == first + parameters.size());
        kernels.momentum(parameters.data(), gradient.data(), m_mean.data() + first,
                         parameters.size(), static_cast<float>(rate),
                         static_cast<float>(m_options.momentum), decay, m_options.nesterov);
    } else {
        kernels.sgd(parameters.data(), gradient.data(), parameters.size(), static_cast<float>(rate),
                    decay);
    }
}

// kind, powers, m, v: in this machine's byte order, as a checkpoint does not travel.
std::vector<std::byte> Optimizer::state() const {
    std::vector<std::byte> bytes;
    const auto add = [&bytes](std::span<const std::byte> part) {
        bytes.insert(bytes.end(), part.begin(), part.end());
    };
    const std::array powers{m_beta1_power, m_beta2_power};
    bytes.push_back(static_cast<std::byte>(m_options.kind));
    add(std::as_bytes(std::span(powers)));
    add(std::as_bytes(std::span(m_mean)));
    add(std::as_bytes(std::span(m_variance)));
    return bytes;
}

bool Optimizer::restore_state(std::span<const std::byte> state) {
    std::array<double, 2> powers{};
    const std::size_t mean_bytes = m_mean.size() * sizeof(float);
    const std::size_t variance_bytes = m_variance.size() * sizeof(float);
    if (state.size() != 1 + sizeof(powers) + mean_bytes + variance_bytes) return false;
    if (state.front() != static_cast<std::byte>(m_options.kind)) return false;
    const auto take = [&state](void* to, std::size_t bytes) {
        if (bytes > 0) std::memcpy(to, state.data(), bytes);
        state = state.subspan(bytes);
    };
    state = state.subspan(1);
    take(powers.data(), sizeof(powers));
    take(m_mean.data(), mean_bytes);
    take(m_variance.data(), variance_bytes);
    std::tie(m_beta1_power, m_beta2_power) = std::pair(powers[0], powers[1]);
    return true;
}

void Optimizer::reset() {
    std::fill(m_mean.begin(), m_mean.end(), 0.0F);
    std::fill(m_variance.begin(), m_variance.end(), 0.0F);
    m_beta1_power = 1;
    m_beta2_power = 1;
}

}  // namespace dynavg::training
