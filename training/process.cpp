#include "training/process.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace dynavg::training {

void configure_process(int threads) {
    at::set_num_threads(threads);
    // OpenBLAS has a pool of its own, which LibTorch built against any BLAS does not know.
    using SetThreads = void (*)(int);
    const auto set_threads =
        reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
    if (set_threads != nullptr) set_threads(threads);
}

}  // namespace dynavg::training
