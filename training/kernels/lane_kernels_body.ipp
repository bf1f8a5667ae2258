// Included by lane_kernels.cpp once per instruction set, inside a namespace of its own and under
// that set's target pragma. GCC turns the 64-byte vectors into whatever registers the set has; the
// arithmetic per lane, and so the bits, stay the same.

using Float8 = float __attribute__((vector_size(32)));
using Float8Unaligned = float __attribute__((vector_size(32), aligned(4), may_alias));
using Float16 = float __attribute__((vector_size(64)));
using Float16Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));
using Double8 = double __attribute__((vector_size(64)));
using Word16 = std::uint32_t __attribute__((vector_size(64)));

/// Partial sums: coordinate i goes to lane i mod 32.
struct Lanes {
    Double8 part[4];
};

#define DYNAVG_INLINE [[gnu::always_inline]] static inline
#define DYNAVG_LOAD8(pointer) (*reinterpret_cast<const Float8Unaligned*>(pointer))
#define DYNAVG_LOAD16(pointer) (*reinterpret_cast<const Float16Unaligned*>(pointer))
#define DYNAVG_STORE16(pointer, value) (*reinterpret_cast<Float16Unaligned*>(pointer) = (value))

DYNAVG_INLINE double total(const Lanes& lanes) {
    double sums[32];
    __builtin_memcpy(sums, &lanes, sizeof sums);
    for (std::size_t width = 16; width > 0; width /= 2) {
        for (std::size_t i = 0; i < width; ++i) sums[i] += sums[i + width];
    }
    return sums[0];
}

/// Calls body(pointers..., first) for each 32 floats; the rest is copied and padded with zeros.
template <class Body>
DYNAVG_INLINE void in_lanes(const float* a, const float* b, const float* c, std::size_t size,
                            Body body) {
    const std::size_t whole = size / 32 * 32;
    for (std::size_t i = 0; i < whole; i += 32) body(a + i, b + i, c + i);
    if (whole == size) return;
    float padded[3][32] = {};
    for (std::size_t i = whole; i < size; ++i) {
        padded[0][i - whole] = a[i];
        padded[1][i - whole] = b[i];
        padded[2][i - whole] = c[i];
    }
    body(padded[0], padded[1], padded[2]);
}

static double squared_norm(const float* w, const float* reference, std::size_t size) {
    Lanes squares{};
    in_lanes(w, reference, w, size, [&squares](const float* a, const float* b, const float*) {
        for (std::size_t k = 0; k < 4; ++k) {
            const Float8 drift = DYNAVG_LOAD8(a + 8 * k) - DYNAVG_LOAD8(b + 8 * k);
            const Double8 wide = __builtin_convertvector(drift, Double8);
            squares.part[k] += wide * wide;
        }
    });
    return total(squares);
}

static DriftSums norm_and_dot(const float* w, const float* reference, const float* direction,
                              std::size_t size) {
    Lanes squares{};
    Lanes products{};
    in_lanes(w, reference, direction, size, [&](const float* a, const float* b, const float* c) {
        for (std::size_t k = 0; k < 4; ++k) {
            const Float8 drift = DYNAVG_LOAD8(a + 8 * k) - DYNAVG_LOAD8(b + 8 * k);
            const Double8 wide = __builtin_convertvector(drift, Double8);
            const Float8 along = DYNAVG_LOAD8(c + 8 * k);
            squares.part[k] += wide * wide;
            products.part[k] += wide * __builtin_convertvector(along, Double8);
        }
    });
    return {total(squares), total(products)};
}

/// 32 random bits per lane from 64 (a 32-bit finalizer in each lane, the upper half stirred in).
DYNAVG_INLINE void sign_words(std::uint64_t key, Word16& words) {
    const Word16 lane{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Word16 x = lane * 0x9E3779B9U + static_cast<std::uint32_t>(key);
    x ^= x >> 16;
    x *= 0x21F0AAADU;
    x ^= static_cast<std::uint32_t>(key >> 32);
    x ^= x >> 15;
    x *= 0x735A2D97U;
    x ^= x >> 15;
    words = x;
}

/// Adds one block of drift to a row: coordinate 16 j + lane has the sign of bit j of its lane.
DYNAVG_INLINE void add_block(const Float16* drift, std::uint64_t key, float* row) {
    Word16 words;
    sign_words(key, words);
    float* at = row + sketch_rotation(key);
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) {
        const Word16 sign = (words << (31 - j)) & 0x80000000U;
        const Word16 bits = reinterpret_cast<const Word16&>(drift[j]) ^ sign;
        DYNAVG_STORE16(at + 16 * j, DYNAVG_LOAD16(at + 16 * j) + reinterpret_cast<Float16>(bits));
    }
}

DYNAVG_INLINE void sketch_block(const float* w, const float* reference, std::uint64_t block,
                                const std::uint64_t* row_keys, std::size_t rows,
                                float* accumulators, Lanes& squares) {
    Float16 drift[16];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < 16; ++j) {
        drift[j] = DYNAVG_LOAD16(w + 16 * j) - DYNAVG_LOAD16(reference + 16 * j);
        const Float8 low = __builtin_shufflevector(drift[j], drift[j], 0, 1, 2, 3, 4, 5, 6, 7);
        const Float8 high =
            __builtin_shufflevector(drift[j], drift[j], 8, 9, 10, 11, 12, 13, 14, 15);
        const Double8 wide_low = __builtin_convertvector(low, Double8);
        const Double8 wide_high = __builtin_convertvector(high, Double8);
        squares.part[2 * (j % 2)] += wide_low * wide_low;
        squares.part[2 * (j % 2) + 1] += wide_high * wide_high;
    }
    for (std::size_t row = 0; row < rows; ++row) {
        add_block(drift, sketch_key(row_keys[row], block), accumulators + row * kSketchRowWidth);
    }
}

static double norm_and_sketch(const float* w, const float* reference, std::size_t size,
                              const std::uint64_t* row_keys, std::size_t rows,
                              float* accumulators) {
    Lanes squares{};
    const std::size_t blocks = size / kSketchColumns;
    for (std::size_t block = 0; block < blocks; ++block) {
        sketch_block(w + block * kSketchColumns, reference + block * kSketchColumns, block,
                     row_keys, rows, accumulators, squares);
    }
    const std::size_t whole = blocks * kSketchColumns;
    if (whole < size) {
        float padded[2][kSketchColumns] = {};
        for (std::size_t i = whole; i < size; ++i) {
            padded[0][i - whole] = w[i];
            padded[1][i - whole] = reference[i];
        }
        sketch_block(padded[0], padded[1], blocks, row_keys, rows, accumulators, squares);
    }
    return total(squares);
}

static void difference(const float* w, const float* reference, float* out, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        DYNAVG_STORE16(out + i, DYNAVG_LOAD16(w + i) - DYNAVG_LOAD16(reference + i));
    }
    for (; i < size; ++i) out[i] = w[i] - reference[i];
}

static void rebase(float* w, const float* reference, const float* base, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 old = DYNAVG_LOAD16(w + i);
        const Float16 to = DYNAVG_LOAD16(reference + i);
        const Float16 from = DYNAVG_LOAD16(base + i);
        DYNAVG_STORE16(w + i, old == from ? to : to + (old - from));
    }
    for (; i < size; ++i) {
        w[i] = w[i] == base[i] ? reference[i] : reference[i] + (w[i] - base[i]);
    }
}

DYNAVG_INLINE void square_root(Float16& values) {
    for (int lane = 0; lane < 16; ++lane) values[lane] = __builtin_sqrtf(values[lane]);
}

/// The update of 16 weights; the arrays are read and written through pointers.
DYNAVG_INLINE void adam_lanes(float* w, const float* gradient, float* mean, float* variance,
                              const AdamStep& step) {
    const Float16 slope = DYNAVG_LOAD16(gradient);
    const Float16 old = DYNAVG_LOAD16(w);
    const Float16 first = DYNAVG_LOAD16(mean) * step.beta1 + slope * (1.0F - step.beta1);
    const Float16 second =
        DYNAVG_LOAD16(variance) * step.beta2 + slope * slope * (1.0F - step.beta2);
    Float16 root = second;
    square_root(root);
    DYNAVG_STORE16(mean, first);
    DYNAVG_STORE16(variance, second);
    DYNAVG_STORE16(w, old - old * step.decay - first * step.rate / (root + step.epsilon));
}

static void adam(float* w, const float* gradient, float* mean, float* variance, std::size_t size,
                 const AdamStep& step) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        adam_lanes(w + i, gradient + i, mean + i, variance + i, step);
    }
    if (i == size) return;
    float padded[4][16] = {};
    const std::size_t bytes = (size - i) * sizeof(float);
    __builtin_memcpy(padded[0], w + i, bytes);
    __builtin_memcpy(padded[1], gradient + i, bytes);
    __builtin_memcpy(padded[2], mean + i, bytes);
    __builtin_memcpy(padded[3], variance + i, bytes);
    adam_lanes(padded[0], padded[1], padded[2], padded[3], step);
    __builtin_memcpy(w + i, padded[0], bytes);
    __builtin_memcpy(mean + i, padded[2], bytes);
    __builtin_memcpy(variance + i, padded[3], bytes);
}

static void sgd(float* w, const float* gradient, std::size_t size, float rate, float decay) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 old = DYNAVG_LOAD16(w + i);
        DYNAVG_STORE16(w + i, old - (DYNAVG_LOAD16(gradient + i) + old * decay) * rate);
    }
    for (; i < size; ++i) w[i] = w[i] - (gradient[i] + w[i] * decay) * rate;
}

static void momentum(float* w, const float* gradient, float* velocity, std::size_t size, float rate,
                     float momentum_rate, float decay, bool nesterov) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 old = DYNAVG_LOAD16(w + i);
        const Float16 step = (DYNAVG_LOAD16(gradient + i) + old * decay) * rate;
        const Float16 speed = DYNAVG_LOAD16(velocity + i) * momentum_rate - step;
        DYNAVG_STORE16(velocity + i, speed);
        DYNAVG_STORE16(w + i, old + (nesterov ? speed * momentum_rate - step : speed));
    }
    for (; i < size; ++i) {
        const float step = (gradient[i] + w[i] * decay) * rate;
        velocity[i] = velocity[i] * momentum_rate - step;
        w[i] = w[i] + (nesterov ? velocity[i] * momentum_rate - step : velocity[i]);
    }
}

/// A rational function, odd of degree 13 over even of degree 6, on the clamped argument (the
/// minimax fit that the Eigen library uses).
DYNAVG_INLINE void tanh_lanes(float* values) {
    const Float16 given = DYNAVG_LOAD16(values);
    const Float16 limit = Float16{} + 7.90531110763549805F;
    const Float16 below = given > limit ? limit : given;
    const Float16 x = below < -limit ? -limit : below;
    const Float16 square = x * x;
    Float16 top = square * -2.76076847742355e-16F + 2.00018790482477e-13F;
    top = top * square + -8.60467152213735e-11F;
    top = top * square + 5.12229709037114e-08F;
    top = top * square + 1.48572235717979e-05F;
    top = top * square + 6.37261928875436e-04F;
    top = top * square + 4.89352455891786e-03F;
    Float16 bottom = square * 1.19825839466702e-06F + 1.18534705686654e-04F;
    bottom = bottom * square + 2.26843463243900e-03F;
    bottom = bottom * square + 4.89352518554385e-03F;
    DYNAVG_STORE16(values, x * top / bottom);
}

static void tanh(float* values, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) tanh_lanes(values + i);
    if (i == size) return;
    float padded[16] = {};
    __builtin_memcpy(padded, values + i, (size - i) * sizeof(float));
    tanh_lanes(padded);
    __builtin_memcpy(values + i, padded, (size - i) * sizeof(float));
}

static void tanh_backward(float* gradient, const float* output, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 y = DYNAVG_LOAD16(output + i);
        DYNAVG_STORE16(gradient + i, DYNAVG_LOAD16(gradient + i) * (1.0F - y * y));
    }
    for (; i < size; ++i) gradient[i] = gradient[i] * (1.0F - output[i] * output[i]);
}

static void relu(float* values, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 x = DYNAVG_LOAD16(values + i);
        DYNAVG_STORE16(values + i, x < 0.0F ? Float16{} : x);
    }
    for (; i < size; ++i) values[i] = values[i] < 0.0F ? 0.0F : values[i];
}

static void relu_backward(float* gradient, const float* output, std::size_t size) {
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
        const Float16 y = DYNAVG_LOAD16(output + i);
        DYNAVG_STORE16(gradient + i, y <= 0.0F ? Float16{} : DYNAVG_LOAD16(gradient + i));
    }
    for (; i < size; ++i) gradient[i] = output[i] <= 0.0F ? 0.0F : gradient[i];
}

static constexpr LaneKernels kKernels{squared_norm, norm_and_dot, norm_and_sketch, difference,
                                      rebase,       adam,         sgd,             momentum,
                                      tanh,         tanh_backward, relu,           relu_backward};

#undef DYNAVG_INLINE
#undef DYNAVG_LOAD8
#undef DYNAVG_LOAD16
#undef DYNAVG_STORE16
