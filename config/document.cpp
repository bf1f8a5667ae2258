#include <istream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "config/value.hpp"

namespace dynavg::config {

namespace {

Position position_of(const toml::source_region& region) {
    return {.line = region.begin.line, .column = region.begin.column, .source = {}};
}

Value::Table convert(const toml::table& table);

Value convert(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::boolean:
            return {node.as_boolean()->get()};
        case toml::node_type::integer:
            return {node.as_integer()->get()};
        case toml::node_type::floating_point:
            return {node.as_floating_point()->get()};
        case toml::node_type::string:
            return {node.as_string()->get()};
        case toml::node_type::table:
            return {convert(*node.as_table())};
        case toml::node_type::array: {
            Value::Array array;
            for (const toml::node& element : *node.as_array()) array.push_back(convert(element));
            return {std::move(array)};
        }
        default:
            return {Value::DateTime{}};
    }
}

// The library bounds how deep a document is nested, and so this recursion.
Value::Table convert(const toml::table& table) {
    Value::Table members;
    for (const auto& [key, node] : table) {
        members.push_back({.key = std::string(key.str()),
                           .position = position_of(key.source()),
                           .value = convert(node)});
    }
    return members;
}

}  // namespace

Expected<Value::Table, Error> parse_document(std::string_view text, const std::string& name) {
    try {
        return convert(toml::parse(text, name));
    } catch (const toml::parse_error& error) {
        const Position where = position_of(error.source());
        return fail(
            fmt::format("{}:{}:{}: {}", name, where.line, where.column, error.description()));
    }
}

}  // namespace dynavg::config
