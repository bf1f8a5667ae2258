#pragma once

namespace dynavg::training {

/// Call once at the start of a process that trains. Bounds the threads of one tensor operation, in
/// LibTorch and in the BLAS below it. 1 is right for small models, and needed for equal bits from
/// run to run.
void configure_process(int threads);

}  // namespace dynavg::training
