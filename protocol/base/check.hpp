#pragma once

#include <source_location>

namespace dynavg::protocol {

/// Ends the process with the place and the condition. For our own bugs only: input from peers or
/// users never reaches it.
[[noreturn]] void check_failed(const char* condition,
                               std::source_location where = std::source_location::current());

}  // namespace dynavg::protocol

/// Stays on in release builds. (Named apart from Catch2's CHECK.)
#define DYNAVG_CHECK(condition) \
    (static_cast<bool>(condition) ? void(0) : ::dynavg::protocol::check_failed(#condition))
