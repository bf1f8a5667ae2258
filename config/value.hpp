#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::config {

/// A value of a TOML document with its place. The TOML library stays behind parse_document().
struct Value {
    struct Member;
    using Array = std::vector<Value>;
    using Table = std::vector<Member>;
    struct DateTime {};  ///< No key of ours has one.

    std::variant<bool, std::int64_t, double, std::string, Array, Table, DateTime> data;
};

struct Value::Member {
    std::string key;
    Position position;  ///< Of the key.
    Value value;
};

/// The whole text, or why it is no TOML: "NAME:LINE:COLUMN: ...".
[[nodiscard]] Expected<Value::Table, Error> parse_document(std::string_view text,
                                                           const std::string& name);

/// "string", "integer", ... for messages.
[[nodiscard]] std::string_view type_of(const Value& value);

/// As one would write it, shortened, for messages: -1, "abc", [1, 2].
[[nodiscard]] std::string show(const Value& value);

/// In quotes, with escapes, as TOML writes it.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace dynavg::config
