#include "training/kernels/lane_kernels.hpp"

#include "protocol/base/check.hpp"
#include "training/kernels/sketch_hash.hpp"

namespace dynavg::training {

namespace baseline {
#include "training/kernels/lane_kernels_body.ipp"
}  // namespace baseline

#if defined(__x86_64__)

// No inline function of another header may be compiled here: the linker would keep one copy for
// all, perhaps this one.
#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#include "training/kernels/lane_kernels_body.ipp"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
namespace avx512 {
#include "training/kernels/lane_kernels_body.ipp"
}  // namespace avx512
#pragma GCC pop_options

bool is_supported(InstructionSet set) {
    switch (set) {
        case InstructionSet::baseline:
            return true;
        case InstructionSet::avx2:
            return __builtin_cpu_supports("avx2") != 0;
        case InstructionSet::avx512:
            return __builtin_cpu_supports("avx512f") != 0 &&
                   __builtin_cpu_supports("avx512bw") != 0 &&
                   __builtin_cpu_supports("avx512dq") != 0 &&
                   __builtin_cpu_supports("avx512vl") != 0;
    }
    return false;
}

const LaneKernels& lane_kernels(InstructionSet set) {
    DYNAVG_CHECK(is_supported(set));
    switch (set) {
        case InstructionSet::avx512:
            return avx512::kKernels;
        case InstructionSet::avx2:
            return avx2::kKernels;
        case InstructionSet::baseline:
            break;
    }
    return baseline::kKernels;
}

#else

bool is_supported(InstructionSet set) {
    return set == InstructionSet::baseline;
}

const LaneKernels& lane_kernels(InstructionSet set) {
    DYNAVG_CHECK(is_supported(set));
    return baseline::kKernels;
}

#endif

const LaneKernels& lane_kernels() {
    static const LaneKernels& best =
        lane_kernels(is_supported(InstructionSet::avx512) ? InstructionSet::avx512
                     : is_supported(InstructionSet::avx2) ? InstructionSet::avx2
                                                          : InstructionSet::baseline);
    return best;
}

}  // namespace dynavg::training
