#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/wire/archive.hpp"
#include "protocol/wire/fields.hpp"
#include "protocol/wire/text.hpp"

/// Writes and reads the types that have fields() in fields.hpp. Internal to the codecs.
namespace dynavg::protocol::wire {

template <class T>
inline constexpr bool kIsStrong = false;
template <class Tag, class Rep>
inline constexpr bool kIsStrong<Strong<Tag, Rep>> = true;

/// A later life must still be possible: no peer starts so often, and no clock shows so late a time.
inline constexpr std::uint32_t kIncarnationMax = 0xFFFF'FFFE;

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool>;

/// Writes the fields that fields.hpp lists. A check that fails is a bug of ours.
class Encoder {
public:
    template <class T>
    using Ref = const T&;

    explicit Encoder(std::vector<std::byte>& out) : m_archive(out) {}

    template <class... Values>
    void operator()(const Values&... values) {
        (put(values), ...);
    }
    template <class T>
    void choice(T value, T /*first*/, T /*last*/) {
        put(static_cast<std::uint8_t>(value));
    }
    void no_nan(double value) { put(value); }
    template <class T>
    void within(std::string_view /*name*/, T value, T first, T last) {
        DYNAVG_CHECK(value >= first && value <= last);
        put(value);
    }
    void bytes(std::span<const std::uint8_t> value) { m_archive.raw(value); }
    void rest(const std::vector<float>& values, std::size_t max) {
        DYNAVG_CHECK(values.size() <= max);
        m_archive.raw(std::span(values));
    }
    template <class T>
    void maybe(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
    }
    template <class T>
    void list(std::string_view /*name*/, const std::vector<T>& values, std::size_t max) {
        put_count(values.size(), max);
        for (const T& value : values) put(value);
    }
    template <class T>
    void set(std::string_view name, const std::vector<T>& values, std::size_t max) {
        for (std::size_t i = 1; i < values.size(); ++i) DYNAVG_CHECK(values[i - 1] < values[i]);
        list(name, values, max);
    }
    void text_map(std::string_view /*name*/, const NetworkFields& values, std::size_t max) {
        put_count(values.size(), max);
        for (const auto& [key, text] : values) (*this)(key, text);
    }

private:
    template <class T>
    void put(const T& value) {
        if constexpr (std::same_as<T, bool>) {
            m_archive.put(std::uint8_t{value ? std::uint8_t{1} : std::uint8_t{0}});
        } else if constexpr (Number<T>) {
            m_archive.put(value);
        } else if constexpr (kIsStrong<T>) {
            m_archive.put(value.value());
        } else if constexpr (std::same_as<T, std::string>) {
            put_count(value.size(), limits::kTextBytesMax);
            m_archive.raw(
                std::span(reinterpret_cast<const std::uint8_t*>(value.data()), value.size()));
        } else {
            fields(*this, value);
        }
    }
    void put_count(std::size_t count, std::size_t max) {
        DYNAVG_CHECK(count <= max && max <= 0xFFFF);
        m_archive.put(static_cast<std::uint16_t>(count));
    }

    ArchiveWriter m_archive;
};

/// Reads the fields that fields.hpp lists, and believes nothing: a count is held against its limit
/// and against the bytes left before anything grows.
class Decoder {
public:
    template <class T>
    using Ref = T&;

    explicit Decoder(std::span<const std::byte> bytes) : m_archive(bytes) {}

    template <class... Values>
    void operator()(Values&... values) {
        (get(values), ...);
    }
    template <class T>
    void choice(T& value, T first, T last) {
        const auto number = m_archive.get<std::uint8_t>();
        if (number < static_cast<std::uint8_t>(first) || number > static_cast<std::uint8_t>(last)) {
            return m_archive.refuse(fmt::format("{} is no value of its enumeration", number));
        }
        value = static_cast<T>(number);
    }
    void no_nan(double& value) {
        get(value);
        if (std::isnan(value)) m_archive.refuse("a number is not a number");
    }
    template <class T>
    void within(std::string_view name, T& value, T first, T last) {
        get(value);
        if (!(value >= first && value <= last)) {
            m_archive.refuse(fmt::format("{} {} is not in [{}, {}]", name, value, first, last));
        }
    }
    void bytes(std::span<std::uint8_t> value) { m_archive.raw(value); }
    /// All that is left.
    void rest(std::vector<float>& values, std::size_t max) {
        if (!ok()) return;
        const std::size_t size = m_archive.left();
        if (size % sizeof(float) != 0 || size / sizeof(float) > max) {
            return m_archive.refuse(fmt::format("{} bytes are no array of numbers", size));
        }
        values.resize(size / sizeof(float));
        m_archive.raw(std::span(values));
    }
    template <class T>
    void maybe(std::optional<T>& value) {
        bool present = false;
        get(present);
        if (present && ok()) get(value.emplace());
    }
    template <class T>
    void list(std::string_view name, std::vector<T>& values, std::size_t max) {
        const std::size_t count = get_count(name, max, kEncodedBytesMin<T>);
        values.reserve(count);
        for (std::size_t i = 0; i < count && ok(); ++i) get(values.emplace_back());
    }
    template <class T>
    void set(std::string_view name, std::vector<T>& values, std::size_t max) {
        list(name, values, max);
        for (std::size_t i = 1; i < values.size() && ok(); ++i) {
            if (!(values[i - 1] < values[i])) m_archive.refuse(fmt::format("{} unsorted", name));
        }
    }
    void text_map(std::string_view name, NetworkFields& values, std::size_t max) {
        const std::size_t count = get_count(name, max, 2 * sizeof(std::uint16_t));
        for (std::size_t i = 0; i < count && ok(); ++i) {
            std::string key;
            std::string text;
            (*this)(key, text);
            if (!values.empty() && !(values.rbegin()->first < key)) {
                return m_archive.refuse(fmt::format("{} unsorted", name));
            }
            values.emplace_hint(values.end(), std::move(key), std::move(text));
        }
    }

    [[nodiscard]] bool ok() const { return m_archive.ok(); }
    [[nodiscard]] ArchiveReader& archive() { return m_archive; }

private:
    template <class T>
    void get(T& value) {
        if constexpr (std::same_as<T, bool>) {
            const auto number = m_archive.get<std::uint8_t>();
            if (number > 1) m_archive.refuse(fmt::format("{} is neither yes nor no", number));
            value = number == 1;
        } else if constexpr (Number<T>) {
            value = m_archive.get<T>();
        } else if constexpr (kIsStrong<T>) {
            value = T(m_archive.get<typename T::rep>());
            if constexpr (std::same_as<T, Incarnation>) {
                if (value.value() > kIncarnationMax) {
                    m_archive.refuse(fmt::format("no life can follow life {}", value.value()));
                }
            }
        } else if constexpr (std::same_as<T, std::string>) {
            value.resize(get_count("text", limits::kTextBytesMax, 1));
            m_archive.raw(std::span(reinterpret_cast<std::uint8_t*>(value.data()), value.size()));
            if (ok() && !is_text(value)) m_archive.refuse("a text is not printable UTF-8");
        } else {
            fields(*this, value);
        }
    }
    /// Zero if it is refused.
    std::size_t get_count(std::string_view name, std::size_t max, std::size_t element_bytes) {
        const std::size_t count = m_archive.get<std::uint16_t>();
        if (count > max) {
            m_archive.refuse(fmt::format("{}: {} are more than {}", name, count, max));
        } else if (count * element_bytes > m_archive.left()) {
            m_archive.refuse(fmt::format("{}: {} do not fit into the {} bytes left", name, count,
                                         m_archive.left()));
        }
        return ok() ? count : 0;
    }

    ArchiveReader m_archive;
};

}  // namespace dynavg::protocol::wire
