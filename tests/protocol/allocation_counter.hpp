#pragma once

#include <cstddef>

namespace dynavg::protocol::test {

/// Bytes that this thread asked of operator new so far; freed ones count too. 0 under a
/// sanitizer.
[[nodiscard]] std::size_t allocated_bytes();

}  // namespace dynavg::protocol::test
