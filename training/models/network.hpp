#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "training/models/model_spec.hpp"

namespace dynavg::training {

/// Samples for one pass: count x ModelSpec::input.pixels() floats, and a label each.
struct Batch {
    std::span<const float> images;
    std::span<const std::uint8_t> labels;
};

/// Names the dropout masks of one step: RandomStream(seed, dropout, shard, step).
struct DropoutKey {
    std::uint64_t seed = 0;
    std::uint32_t shard = 0;
    std::uint64_t step = 0;
};

/// The parameters that a gradient is taken by. Head: the dense layers at the end of the model.
enum class GradientScope : std::uint8_t { all, head };

enum class NetworkUse : std::uint8_t { training, evaluation };

/// A model's arithmetic. All parameters, then all buffers, lie in one flat float array, in the
/// order of its ModelLayout; the gradient by the parameters in another. Layers work on views of
/// them. Equal parameters and batches give equal bits in every instance and process (one type of
/// processor, same libraries, one thread). Not thread-safe; several instances may work on several
/// threads.
class Network {
public:
    Network() = default;
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    virtual ~Network() = default;

    /// Parameters, then buffers.
    [[nodiscard]] virtual std::span<float> values() = 0;
    [[nodiscard]] virtual std::span<const float> values() const = 0;
    /// Their beginning: the learned ones.
    [[nodiscard]] virtual std::span<float> parameters() = 0;
    [[nodiscard]] virtual std::span<const float> parameters() const = 0;
    [[nodiscard]] virtual std::span<const float> gradient() const = 0;

    /// Forward and backward pass with dropout. Returns the mean cross entropy (nats) and fills
    /// gradient() with that of the loss, which is the cross entropy and the kernels' L2 terms. Only
    /// reads values(). Needs NetworkUse::training.
    /// With GradientScope::head the other parts of gradient() are of no use, and a third of the
    /// time is enough.
    virtual double compute_gradient(const Batch& batch, const DropoutKey& key,
                                    GradientScope scope) = 0;
    double compute_gradient(const Batch& batch, const DropoutKey& key) {
        return compute_gradient(batch, key, GradientScope::all);
    }

    /// Second half of a step: the running statistics move towards those of the last batch.
    virtual void update_buffers() = 0;

    /// Forward pass without dropout, by the running statistics. `images` has count images, `out`
    /// count x kModelClasses floats.
    virtual void logits(std::span<const float> images, std::span<float> out) = 0;
};

/// `spec` was validated. Values are zero until they are written.
[[nodiscard]] std::unique_ptr<Network> make_network(const ModelSpec& spec, NetworkUse use);

/// The same of any list of layers that has room on images of `input`.
[[nodiscard]] std::unique_ptr<Network> make_network(std::span<const LayerSpec> layers,
                                                    const ImageShape& input, NetworkUse use);

/// Mean cross entropy of logits (count x kModelClasses) with softmax; `gradient`, if not empty,
/// becomes its derivative by the logits. Adds to `hits` the samples whose largest logit is right.
double cross_entropy(std::span<const float> logits, std::span<const std::uint8_t> labels,
                     std::span<float> gradient, std::size_t& hits);

}  // namespace dynavg::training
