#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace dynavg::config {

struct Value;

/// One key of the configuration: how it is read, and what documentation and messages say of it.
struct Key {
    std::string name;           ///< "averaging.threshold"; the part before the last dot is a table.
    std::string type;           ///< "number"
    std::string allowed;        ///< "above 0"; empty: any of the type.
    std::string default_value;  ///< As TOML; or, where it is no constant, in words.
    std::string doc;            ///< One line.
    bool required = false;      ///< In every file.
    bool available = true;      ///< Else known to the contract, but not to this version.
    bool default_is_toml = true;  ///< `default_value` can be written into a file.
    /// Stores a value, or tells what is wrong with it: the rest of a sentence that begins with the
    /// key's name.
    std::function<Expected<void, std::string>(Config&, const Value&)> store;
    /// Its value as TOML. Of a key that is available.
    std::function<std::string(const Config&)> show;
};

/// All keys, in the order in which they are documented. The parser, the suggestions for unknown
/// keys, docs/configuration.md and systemd/dynavg.toml all follow this one table.
[[nodiscard]] std::span<const Key> schema();

/// Null if there is none of this name.
[[nodiscard]] const Key* find_key(std::string_view name);

/// Whether keys begin with "name.": a table such as "data" or "data.shard".
[[nodiscard]] bool is_table(std::string_view name);

/// "; did you mean averaging.threshold?" or, where nothing is near, the keys that the table has.
[[nodiscard]] std::string suggestion(std::string_view unknown_name);

}  // namespace dynavg::config
