#include <cstddef>
#include <cstdint>

#include "tests/fuzz/target.hpp"

// By this name libFuzzer finds the target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    dynavg::fuzz::run({data, size});
    return 0;
}
