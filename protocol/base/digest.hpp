#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/base/ids.hpp"

namespace dynavg::protocol {

/// Incremental XXH3-128 over a canonical little-endian encoding. About 10 GB/s.
class Digester {
public:
    Digester();
    ~Digester();
    Digester(const Digester&) = delete;
    Digester& operator=(const Digester&) = delete;

    Digester& add(std::span<const std::byte> bytes);
    /// Text is preceded by its length, so that neighbours cannot run into each other.
    Digester& add(std::string_view text);
    Digester& add(std::span<const float> values);
    Digester& add_u64(std::uint64_t value);
    Digester& add_double(double value);
    Digester& add(const Digest& value);
    Digester& add(const Member& member);
    [[nodiscard]] Digest finish() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

}  // namespace dynavg::protocol
