#include "tools/audit/lines.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace dynavg::audit {

Lines::Lines(int fd) : m_fd(fd), m_buffer(2 * kLineBytesMax) {}

Expected<bool, Error> Lines::fill() {
    std::memmove(m_buffer.data(), m_buffer.data() + m_begin, m_end - m_begin);
    m_end -= m_begin;
    m_scanned -= m_begin;
    m_begin = 0;
    if (m_end > kLineBytesMax) {
        m_too_long = true;
        m_end = m_scanned = 0;
    }
    ssize_t got = 0;
    do {
        got = ::read(m_fd, m_buffer.data() + m_end, m_buffer.size() - m_end);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(std::strerror(errno));
    m_end += static_cast<std::size_t>(got);
    return got > 0;
}

Expected<std::optional<std::string_view>, Error> Lines::next() {
    while (true) {
        const void* const found =
            m_scanned == m_end ? nullptr
                               : std::memchr(m_buffer.data() + m_scanned, '\n', m_end - m_scanned);
        std::size_t end = m_end;
        if (found != nullptr) {
            end = static_cast<std::size_t>(static_cast<const char*>(found) - m_buffer.data());
        } else if (!m_ended) {
            m_scanned = m_end;
            const auto more = fill();
            if (!more) return Unexpected<Error>(more.error());
            m_ended = !*more;
            continue;
        } else if (m_begin == m_end && !m_too_long) {
            return std::optional<std::string_view>();
        }
        std::string_view line(m_buffer.data() + m_begin, end - m_begin);
        m_begin = m_scanned = found == nullptr ? m_end : end + 1;
        if (m_too_long || line.size() > kLineBytesMax) {
            m_too_long = false;
            return std::optional<std::string_view>(std::string_view());
        }
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (!line.empty()) return std::optional<std::string_view>(line);
    }
}

}  // namespace dynavg::audit
