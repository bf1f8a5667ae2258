#include "control/escape.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::control {

namespace {

/// How many bytes the UTF-8 character at the beginning has; 0 if it is none, or a control
/// character.
std::size_t printable_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
    const std::size_t length = byte(0) >= 0xf0 && byte(0) <= 0xf4   ? 4
                               : byte(0) >= 0xe0 && byte(0) <= 0xef ? 3
                               : byte(0) >= 0xc2 && byte(0) <= 0xdf ? 2
                                                                    : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return 0;
    }
    // Overlong forms, surrogates, beyond U+10FFFF, and the C1 controls U+0080 to U+009F.
    const bool bad = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f) ||
                     (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f) ||
                     (byte(0) == 0xc2 && byte(1) < 0xa0);
    return bad ? 0 : length;
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = printable_length(text);
        if (length > 0) {
            result += text.substr(0, length);
        } else if (text.front() == '\n') {
            result += "\\n";
        } else if (text.front() == '\t') {
            result += "\\t";
        } else {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

}  // namespace dynavg::control
