#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::audit {

/// A longer line is none of a log; of it only this much is kept.
inline constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;

/// Reads a file, a pipe or a terminal line by line, in bounded memory.
class Lines {
public:
    /// `fd` is borrowed.
    explicit Lines(int fd);

    /// The next line without its end, valid until the next call; nothing at the end. Empty lines
    /// are left out. A line that is too long comes as an empty text.
    [[nodiscard]] Expected<std::optional<std::string_view>, Error> next();

private:
    /// False at the end.
    [[nodiscard]] Expected<bool, Error> fill();

    int m_fd;
    std::vector<char> m_buffer;
    std::size_t m_begin = 0;    ///< Of what is not read yet.
    std::size_t m_end = 0;      ///< Of what is filled.
    std::size_t m_scanned = 0;  ///< No line ends between m_begin and this.
    bool m_too_long = false;    ///< The rest of a line is being skipped.
    bool m_ended = false;
};

}  // namespace dynavg::audit
