#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace dynavg::fuzz {

inline std::string_view as_text(std::span<const std::uint8_t> input) {
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}

/// Cuts an input into the pieces that a target needs, from its front. Once it is used up, numbers
/// are zero and pieces empty.
class Input {
public:
    explicit Input(std::span<const std::uint8_t> rest) : m_rest(rest) {}

    [[nodiscard]] bool empty() const { return m_rest.empty(); }
    [[nodiscard]] std::span<const std::uint8_t> rest() { return take(m_rest.size()); }
    [[nodiscard]] std::span<const std::uint8_t> take(std::size_t size) {
        const auto piece = m_rest.first(std::min(size, m_rest.size()));
        m_rest = m_rest.subspan(piece.size());
        return piece;
    }
    /// Little-endian, any bits.
    template <class T>
    [[nodiscard]] T number() {
        static_assert(std::is_arithmetic_v<T>);
        T value{};
        const auto piece = take(sizeof value);
        if (!piece.empty()) std::memcpy(&value, piece.data(), piece.size());
        return value;
    }
    [[nodiscard]] std::uint8_t byte() { return number<std::uint8_t>(); }
    /// One of 0 .. count - 1.
    [[nodiscard]] std::size_t below(std::size_t count) { return byte() % count; }
    /// A piece that is preceded by its length, in two bytes.
    [[nodiscard]] std::span<const std::uint8_t> piece() { return take(number<std::uint16_t>()); }

private:
    std::span<const std::uint8_t> m_rest;
};

}  // namespace dynavg::fuzz
