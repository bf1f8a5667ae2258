#include "training/trainer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/monitor/drift.hpp"
#include "protocol/reference/weighted_mean.hpp"
#include "training/kernels/drift_kernel.hpp"
#include "training/kernels/sketch_kernel.hpp"
#include "training/models/network.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kBatchSizeMax = 65536;

Expected<void, Error> check_shard(const Shard& shard, const Dataset& dataset) {
    if (shard.samples.empty()) {
        return fail(fmt::format("the shard of {} is empty; give this peer samples to train on",
                                dataset.name));
    }
    const auto largest = *std::max_element(shard.samples.begin(), shard.samples.end());
    if (largest >= dataset.size()) {
        return fail(fmt::format("the shard names sample {}, {} has {}", largest, dataset.name,
                                dataset.size()));
    }
    return {};
}

Expected<void, Error> check(const TrainerOptions& options) {
    if (options.device != "cpu") {
        return fail(
            fmt::format("device \"{}\" is not available: this build computes on \"cpu\"; "
                        "set device = \"cpu\"",
                        options.device));
    }
    if (auto valid = validate(options.model); !valid) return valid;
    if (auto valid = validate(options.optimizer); !valid) return valid;
    if (!options.dataset) return fail("there is no data to train on");
    if (auto fits = check_fits(*options.dataset, options.model); !fits) return fits;
    if (auto valid = check_shard(options.shard, *options.dataset); !valid) return valid;
    if (options.batch_size == 0 || options.batch_size > kBatchSizeMax) {
        return fail(
            fmt::format("batch_size is {}; it must be 1 to {}", options.batch_size, kBatchSizeMax));
    }
    if (protocol::traits_of(options.monitor).has_sketch && !is_supported(options.sketch)) {
        return fail(fmt::format("a sketch of {} x {} is not possible; it has 1 to {} rows of {}",
                                options.sketch.rows, options.sketch.columns, kSketchRowsMax,
                                kSketchColumns));
    }
    return {};
}

/// Of a model whose parameters are `w`, by the kernels.
class TrainerDrift : public protocol::Drift {
public:
    TrainerDrift(std::span<const float> w, const protocol::Reference& reference,
                 protocol::SketchShape sketch, std::uint64_t sketch_seed)
        : m_w(w),
          m_reference(reference.parameter_values()),
          m_direction(reference.direction),
          m_sketch(sketch),
          m_sketch_seed(sketch_seed) {}

    [[nodiscard]] std::size_t size() const override { return m_w.size(); }
    [[nodiscard]] double squared_norm() const override {
        return drift_squared_norm(m_w, m_reference);
    }
    [[nodiscard]] NormAndAlong squared_norm_and_along() const override {
        const DriftSums sums = drift_norm_and_dot(m_w, m_reference, m_direction);
        return {sums.squared_norm, sums.along};
    }
    double squared_norm_and_sketch(std::span<float> out) const override {
        return drift_norm_and_sketch(m_w, m_reference, m_sketch, m_sketch_seed, out);
    }
    double squared_norm_and_values(std::span<float> out) const override {
        lane_kernels().difference(m_w.data(), m_reference.data(), out.data(), m_w.size());
        return squared_norm();
    }

private:
    std::span<const float> m_w;
    std::span<const float> m_reference;
    std::span<const float> m_direction;
    protocol::SketchShape m_sketch;
    std::uint64_t m_sketch_seed;
};

}  // namespace

Expected<void, Error> check_fits(const Dataset& dataset, const ModelSpec& model) {
    if (dataset.shape != model.input) {
        return fail(fmt::format(
            "{} has images of {} x {} with {} channels; the model takes {} x "
            "{} with {}",
            dataset.name, dataset.shape.height, dataset.shape.width, dataset.shape.channels,
            model.input.height, model.input.width, model.input.channels));
    }
    if (dataset.classes > kModelClasses) {
        return fail(fmt::format("{} has {} classes, the model tells {} apart", dataset.name,
                                dataset.classes, kModelClasses));
    }
    if (dataset.size() == 0) return fail(fmt::format("{} has no samples", dataset.name));
    return {};
}

Expected<std::unique_ptr<Trainer>, Error> make_trainer(TrainerOptions options) {
    if (auto valid = check(options); !valid) return Unexpected<Error>(valid.error());
    return std::unique_ptr<Trainer>(new Trainer(std::move(options)));
}

Trainer::Trainer(TrainerOptions options)
    : m_options(std::move(options)),
      m_network(make_network(m_options.model, NetworkUse::training)),
      m_optimizer(m_options.optimizer, m_network->parameters().size()),
      m_head(layout_of(m_options.model).head()),
      m_sampler(m_options.shard.samples, m_options.batch_size, m_options.seed,
                m_options.shard_index),
      m_batch_images(m_options.batch_size * m_options.model.input.pixels()),
      m_batch_labels(m_options.batch_size) {
    const std::vector<float> values = initial_values(m_options.model);
    std::copy(values.begin(), values.end(), m_network->values().begin());
}

Trainer::~Trainer() = default;

protocol::ReferenceShape Trainer::shape() const {
    return shape_of(m_options.model, m_options.monitor, m_options.outer);
}

std::uint64_t Trainer::samples() const {
    return m_options.shard.samples.size();
}

void Trainer::draw_batch() {
    const Dataset& dataset = m_options.dataset.at(m_step);
    const std::span<const std::uint32_t> samples = m_sampler.batch(m_step);
    const std::size_t pixels = m_options.model.input.pixels();
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::uint32_t sample = samples[i];
        to_floats(dataset.image(sample), std::span(m_batch_images).subspan(i * pixels, pixels));
        m_batch_labels[i] = dataset.labels[sample];
    }
}

double Trainer::compute_gradient() {
    draw_batch();
    return m_network->compute_gradient(
        {m_batch_images, m_batch_labels}, {m_options.seed, m_options.shard_index, m_step},
        only_head_learns() ? GradientScope::head : GradientScope::all);
}

void Trainer::apply_update() {
    const std::span<float> w = m_network->parameters();
    if (only_head_learns()) {
        m_optimizer.update(w.subspan(m_head), gradient().subspan(m_head), m_head);
    } else {
        // Moments and step count of the head alone would misjudge the others' first steps.
        if (m_step == m_options.head_first_steps && m_step > 0) m_optimizer.reset();
        m_optimizer.update(w, gradient());
        m_network->update_buffers();
    }
    ++m_step;
}

protocol::LocalState Trainer::local_state() const {
    DYNAVG_CHECK(m_reference != nullptr);
    const std::span<const float> w = parameters();
    protocol::LocalState state;
    state.values.resize(protocol::state_values(m_options.monitor, m_options.sketch, w.size()));
    double squared_norm =
        protocol::traits_of(m_options.monitor)
            .tell(TrainerDrift(w, *m_reference, m_options.sketch, m_options.sketch_seed),
                  state.values);
    // Buffers are no part of the drift, but a model whose statistics overflow has diverged.
    if (!protocol::all_finite(values().subspan(w.size()))) {
        squared_norm = std::numeric_limits<double>::infinity();
    }
    state.squared_norm = rounded_up(squared_norm);
    return state;
}

void Trainer::copy_contribution(std::span<float> out) const {
    DYNAVG_CHECK(out.size() == values().size());
    std::copy(values().begin(), values().end(), out.begin());
}

void Trainer::install(protocol::ReferencePointer reference, std::span<const float> base) {
    const std::span<float> w = m_network->parameters();
    const std::span<float> buffers = m_network->values().subspan(w.size());
    DYNAVG_CHECK(reference != nullptr && reference->values.size() == values().size());
    DYNAVG_CHECK(reference->parameters == w.size() && base.size() == values().size());
    DYNAVG_CHECK(!protocol::has_direction(m_options.monitor) ||
                 reference->direction.size() == w.size());
    lane_kernels().rebase(w.data(), reference->values.data(), base.data(), w.size());
    std::copy_n(reference->values.begin() + static_cast<std::ptrdiff_t>(w.size()), buffers.size(),
                buffers.begin());
    m_reference = std::move(reference);
}

void Trainer::set_model(std::span<const float> values) {
    DYNAVG_CHECK(values.size() == this->values().size());
    std::copy(values.begin(), values.end(), m_network->values().begin());
}

bool Trainer::restore(protocol::ReferencePointer reference, std::span<const float> values,
                      std::span<const std::byte> optimizer, std::uint64_t steps) {
    install(std::move(reference), this->values());
    set_model(values);
    m_step = steps;
    return m_optimizer.restore_state(optimizer);
}

std::vector<std::byte> Trainer::optimizer_state() const {
    return m_optimizer.state();
}

void Trainer::reset_to_reference() {
    DYNAVG_CHECK(m_reference != nullptr);
    std::copy(m_reference->values.begin(), m_reference->values.end(), m_network->values().begin());
    m_optimizer.reset();
}

std::span<const float> Trainer::values() const {
    return std::as_const(*m_network).values();
}

std::span<const float> Trainer::parameters() const {
    return std::as_const(*m_network).parameters();
}

std::span<const float> Trainer::gradient() const {
    return m_network->gradient();
}

}  // namespace dynavg::training
