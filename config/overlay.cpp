#include "config/overlay.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::config {

namespace {

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("._:/-").find(c) != std::string_view::npos;
    });
}

void flatten(const Value::Table& table, const std::string& name, const std::string& source,
             std::vector<Overlay>& overlays) {
    for (const Value::Member& member : table) {
        const std::string key = name.empty() ? member.key : name + "." + member.key;
        const auto* inner = std::get_if<Value::Table>(&member.value.data);
        if (inner != nullptr && !inner->empty()) {
            flatten(*inner, key, source, overlays);
        } else {
            overlays.push_back({key, {.line = 0, .column = 0, .source = source}, member.value});
        }
    }
}

}  // namespace

Expected<std::vector<Overlay>, Error> parse_overlay(const std::string& text,
                                                    const std::string& option) {
    const std::string source = option + " " + text;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        return fail(source + ": is not KEY=VALUE, as averaging.threshold=3");
    }
    auto document = parse_document(text, source);
    if (!document && is_word(std::string_view(text).substr(equals + 1))) {
        document = parse_document(
            text.substr(0, equals + 1) + in_quotes(std::string_view(text).substr(equals + 1)),
            source);
    }
    if (!document) {
        return fail(source +
                    ": is not KEY=VALUE with a value of TOML, as averaging.threshold=3 "
                    "or 'model.hidden=[16, 8]'");
    }
    std::vector<Overlay> overlays;
    flatten(*document, "", source, overlays);
    return overlays;
}

}  // namespace dynavg::config
