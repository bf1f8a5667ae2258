#include "config/value.hpp"

#include <fmt/format.h>

namespace dynavg::config {

namespace {

constexpr std::size_t kShownBytesMax = 60;

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
// Clang 16 does not find it by itself.
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string show_whole(const Value& value) {
    return std::visit(Overloaded{
                          [](bool flag) { return std::string(flag ? "true" : "false"); },
                          [](std::int64_t number) { return fmt::format("{}", number); },
                          [](double number) { return fmt::format("{}", number); },
                          [](const std::string& text) { return in_quotes(text); },
                          [](const Value::Array& array) {
                              std::string text;
                              for (const Value& element : array) {
                                  if (!text.empty()) text += ", ";
                                  if (text.size() > kShownBytesMax) break;
                                  text += show(element);
                              }
                              return "[" + text + "]";
                          },
                          [](const Value::Table&) { return std::string("a table"); },
                          [](Value::DateTime) { return std::string("a date or time"); },
                      },
                      value.data);
}

}  // namespace

std::string_view type_of(const Value& value) {
    constexpr std::string_view kNames[] = {"true or false", "integer", "number",      "string",
                                           "list",          "table",   "date or time"};
    static_assert(std::size(kNames) == std::variant_size_v<decltype(Value::data)>);
    return kNames[value.data.index()];
}

std::string in_quotes(std::string_view text) {
    std::string result = "\"";
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            result += '\\';
            result += letter;
        } else if (byte < 0x20 || byte == 0x7f) {
            result += fmt::format("\\u{:04x}", byte);
        } else {
            result += letter;
        }
    }
    return result + "\"";
}

std::string show(const Value& value) {
    std::string text = show_whole(value);
    if (text.size() <= kShownBytesMax) return text;
    std::size_t end = kShownBytesMax;
    // No character of several bytes is cut.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}

}  // namespace dynavg::config
