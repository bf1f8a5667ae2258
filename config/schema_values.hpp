#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "config/codec.hpp"
#include "config/schema.hpp"

namespace dynavg::config {

inline constexpr std::size_t kPathBytesMax = 4095;

// Codecs and keys that one key of the schema needs, or few: see schema.cpp.

[[nodiscard]] Codec<std::string> name_text();
[[nodiscard]] Codec<std::filesystem::path> path(std::size_t bytes_max);
/// As training::model_format_of() knows them.
[[nodiscard]] Codec<std::filesystem::path> model_file();
[[nodiscard]] Codec<std::string> argument();
[[nodiscard]] Codec<std::string> bind_address();
[[nodiscard]] Codec<std::string> metrics_address();
[[nodiscard]] Codec<std::string> own_address();
[[nodiscard]] Codec<std::string> peer_address();
[[nodiscard]] Codec<std::string> public_key();
[[nodiscard]] Codec<Split> split();
/// A monitor of monitors(), or "interval:N".
[[nodiscard]] Key monitor_key(std::string name, std::string doc);
/// A number, or "auto".
[[nodiscard]] Key threshold_key(std::string name, std::string doc);
/// One value today, so there is nothing to store.
[[nodiscard]] Key only(std::string name, std::string value, Later later, std::string doc);

}  // namespace dynavg::config
