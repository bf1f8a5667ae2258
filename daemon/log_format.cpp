#include "daemon/log_format.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dynavg::daemon {

namespace {

using protocol::EventValue;
using protocol::Level;

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};

std::string text_of(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    return fmt::format("{}", number);
}

nlohmann::ordered_json to_json(const EventValue& value) {
    return std::visit(Overloaded{
                          [](double number) -> nlohmann::ordered_json {
                              if (std::isfinite(number)) return number;
                              return text_of(number);
                          },
                          [](const auto& other) -> nlohmann::ordered_json { return other; },
                      },
                      value);
}

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

/// A value of key=value: quoted where it would not be one word.
std::string word(std::string_view text) {
    const bool plain = !text.empty() && text.find_first_of(" \"=\\,[]") == std::string_view::npos &&
                       escaped(text) == text;
    if (plain) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return escaped(quoted) + '"';
}

std::string text_of(const EventValue& value) {
    return std::visit(Overloaded{
                          [](std::int64_t number) { return fmt::format("{}", number); },
                          [](double number) { return text_of(number); },
                          [](const std::string& text) { return word(text); },
                          [](const std::vector<std::string>& list) {
                              std::string text;
                              for (const std::string& item : list) {
                                  text += (text.empty() ? "" : ",") + word(item);
                              }
                              return "[" + text + "]";
                          },
                      },
                      value);
}

std::string_view color_of(Level level) {
    switch (level) {
        case Level::debug:
            return "\x1b[2m";
        case Level::info:
            return "\x1b[32m";
        case Level::warning:
            return "\x1b[33m";
        case Level::error:
            return "\x1b[31m";
    }
    return "";
}

}  // namespace

std::string format_time(WallClock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(WallClock::to_time_t(seconds)),
                       (whole - seconds).count());
}

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

std::string format_json(const LogLine& line) {
    nlohmann::ordered_json object;
    object["time"] = format_time(line.time);
    object["level"] = name_of(line.event.level);
    object["event"] = line.event.name;
    object["node"] = line.node;
    object["network"] = line.network;
    object["epoch"] = line.position.epoch.value();
    object["step"] = line.position.step.value();
    object["message"] = line.event.message;
    for (const auto& [key, value] : line.event.fields) object[std::string(key)] = to_json(value);
    using Handler = nlohmann::ordered_json::error_handler_t;
    return object.dump(-1, ' ', false, Handler::replace) + '\n';
}

std::string format_text(const LogLine& line, Paint paint) {
    const bool colored = paint == Paint::colored;
    std::string text =
        fmt::format("{} {}{:<7}{} {:<16} {}", format_time(line.time),
                    colored ? color_of(line.event.level) : "", name_of(line.event.level),
                    colored ? "\x1b[0m" : "", line.event.name, escaped(line.event.message));
    if (colored) text += "\x1b[2m";
    text +=
        fmt::format(" epoch={} step={}", line.position.epoch.value(), line.position.step.value());
    for (const auto& [key, value] : line.event.fields) {
        text += fmt::format(" {}={}", key, text_of(value));
    }
    if (colored) text += "\x1b[0m";
    return text + '\n';
}

}  // namespace dynavg::daemon
