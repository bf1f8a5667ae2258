#include "protocol/wire/text.hpp"

#include <cstdint>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol::wire {

namespace {

/// Bytes of the UTF-8 sequence at the start of `text`; 0 if there is no valid one.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    std::uint32_t point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return 0;
        point = (point << 6) | (byte(i) & 0x3FU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    const bool control = point < 0xA0;
    return overlong || surrogate || control || point > 0x10FFFF ? 0 : length;
}

}  // namespace

bool is_text(std::string_view text) {
    if (text.size() > limits::kTextBytesMax) return false;
    while (!text.empty()) {
        const auto lead = static_cast<std::uint8_t>(text.front());
        const std::size_t length = sequence_length(text);
        if (length == 0 || lead < 0x20 || lead == 0x7F) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace dynavg::protocol::wire
