#pragma once

#include <utility>

namespace dynavg::posix {

/// Owns a file descriptor: closed with its owner, given away by a move.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : m_number(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : m_number(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    [[nodiscard]] int number() const { return m_number; }
    [[nodiscard]] bool is_open() const { return m_number >= 0; }
    /// The caller closes it.
    [[nodiscard]] int release() { return std::exchange(m_number, -1); }
    /// Leaves errno as it is.
    void close();

private:
    int m_number;
};

}  // namespace dynavg::posix
