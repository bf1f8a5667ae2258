#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/value.hpp"

namespace dynavg::config {

/// A value that takes the place of a file's: of the command line, or of a grid of experiments.
struct Overlay {
    std::string key;    ///< "averaging.threshold", or a table, which then is there: "data.test".
    Position position;  ///< With its source, which messages name.
    Value value;
};

/// As load_config() without them; later overlays win. A problem with an overlay names its source.
[[nodiscard]] Expected<Config, Error> load_config(const std::filesystem::path& file,
                                                  std::span<const Overlay> overlays);

/// The same of a text; `name` stands for the file in messages.
[[nodiscard]] Expected<Config, Error> parse_config(std::string_view text, const std::string& name,
                                                   std::span<const Overlay> overlays);

/// The setting in "KEY=VALUE" of a command line. VALUE is TOML, or a single word without the quotes
/// that a shell would take away. `option` stands before it in messages: "--set".
[[nodiscard]] Expected<std::vector<Overlay>, Error> parse_overlay(const std::string& text,
                                                                  const std::string& option);

/// A whole file of at most a megabyte.
[[nodiscard]] Expected<std::string, Error> read_text(const std::filesystem::path& file);

}  // namespace dynavg::config
