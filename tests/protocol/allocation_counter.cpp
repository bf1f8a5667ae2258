#include "tests/protocol/allocation_counter.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t bytes_so_far = 0;
}  // namespace

// A sanitizer's own operators find more than ours.
#ifndef __SANITIZE_ADDRESS__

// Replaces the global operators of this test program; the array forms call these.
void* operator new(std::size_t size) {
    bytes_so_far += size;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

void* operator new(std::size_t size, const std::nothrow_t& /*nothrow*/) noexcept {
    bytes_so_far += size;
    return std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

#endif

namespace dynavg::protocol::test {

std::size_t allocated_bytes() {
    return bytes_so_far;
}

}  // namespace dynavg::protocol::test
