#pragma once

#include <cstdint>

#include "protocol/base/expected.hpp"
#include "tools/audit/record.hpp"

namespace dynavg::audit {

/// Lines of one log, by what they were.
struct LogCounts {
    std::uint64_t lines = 0;
    std::uint64_t events = 0;   ///< Of dynavgd.
    std::uint64_t foreign = 0;  ///< Entries of the journal by others.
    std::uint64_t garbage = 0;
    std::uint64_t bytes = 0;
};

/// Adds what a log says to the record. `fd` is borrowed and read to its end; fails if that is not
/// possible, and what was read until then counts.
[[nodiscard]] Expected<LogCounts, Error> read_log(int fd, Record& record);

}  // namespace dynavg::audit
