#include "posix/descriptor.hpp"

#include <cerrno>

#include <unistd.h>

namespace dynavg::posix {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(m_number, other.m_number);  // `other` closes ours.
    return *this;
}

void Descriptor::close() {
    if (m_number < 0) return;
    const int reason = errno;
    ::close(release());
    errno = reason;
}

}  // namespace dynavg::posix
