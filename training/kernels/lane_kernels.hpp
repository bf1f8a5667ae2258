#pragma once

#include <cstddef>
#include <cstdint>

namespace dynavg::training {

/// The instruction sets of the processor. All give the same bits: the kernels fix the order of
/// every sum.
enum class InstructionSet : std::uint8_t { baseline, avx2, avx512 };

/// Coordinates per block of the sketch, and its columns.
inline constexpr std::size_t kSketchColumns = 256;
/// A row accumulates unwrapped, so that a rotated block is one contiguous range.
inline constexpr std::size_t kSketchRowWidth = 2 * kSketchColumns;

struct DriftSums {
    double squared_norm = 0;  ///< ||w - reference||^2.
    double along = 0;         ///< <direction, w - reference>.
};

/// One step of Adam; `rate` has the bias correction in it. `decay` is learning rate x weight decay
/// (AdamW, decoupled), 0 for Adam.
struct AdamStep {
    float rate = 0;
    float beta1 = 0;
    float beta2 = 0;
    float epsilon = 0;
    float decay = 0;
};

/// The loops over whole parameter vectors and activations, compiled once per instruction set. Only
/// IEEE + - * / sqrt in a fixed order and no fused multiply-add: the same bits on every x86-64
/// machine. Pointers need no alignment; arrays must not overlap unless they are the same.
struct LaneKernels {
    double (*squared_norm)(const float* w, const float* reference, std::size_t size);
    DriftSums (*norm_and_dot)(const float* w, const float* reference, const float* direction,
                              std::size_t size);
    /// Adds the sketch of w - reference into `rows` rows of kSketchRowWidth floats each, and
    /// returns the squared norm. `row_keys` has `rows` keys.
    double (*norm_and_sketch)(const float* w, const float* reference, std::size_t size,
                              const std::uint64_t* row_keys, std::size_t rows, float* accumulators);
    /// out = w - reference.
    void (*difference)(const float* w, const float* reference, float* out, std::size_t size);
    /// w = reference where w == base, else reference + (w - base).
    void (*rebase)(float* w, const float* reference, const float* base, std::size_t size);
    void (*adam)(float* w, const float* gradient, float* mean, float* variance, std::size_t size,
                 const AdamStep& step);
    /// w -= rate * (gradient + decay * w).
    void (*sgd)(float* w, const float* gradient, std::size_t size, float rate, float decay);
    /// Keras: v = momentum * v - rate * g; w += nesterov ? momentum * v - rate * g : v.
    void (*momentum)(float* w, const float* gradient, float* velocity, std::size_t size, float rate,
                     float momentum, float decay, bool nesterov);
    /// In place. Error at most 1e-6.
    void (*tanh)(float* values, std::size_t size);
    /// gradient *= 1 - output^2.
    void (*tanh_backward)(float* gradient, const float* output, std::size_t size);
    void (*relu)(float* values, std::size_t size);
    /// gradient = 0 where output <= 0.
    void (*relu_backward)(float* gradient, const float* output, std::size_t size);
};

[[nodiscard]] bool is_supported(InstructionSet set);
[[nodiscard]] const LaneKernels& lane_kernels(InstructionSet set);
/// The best that this processor has.
[[nodiscard]] const LaneKernels& lane_kernels();

}  // namespace dynavg::training
