#include "tools/cli/grid_folders.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace dynavg::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kDifferencesShown = 4;

/// Keys with their values, those of "configuration" beside the others.
std::map<std::string, std::string> flat(const std::string& text) {
    std::map<std::string, std::string> values;
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return values;
    const auto dump = [](const nlohmann::json& value) {
        return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    for (const auto& [key, value] : json.items()) {
        if (value.is_object()) {
            for (const auto& [inner, each] : value.items()) values.emplace(inner, dump(each));
        } else {
            values.emplace(key, dump(value));
        }
    }
    return values;
}

}  // namespace

std::string description_difference(const std::string& there, const std::string& here) {
    const auto before = flat(there);
    const auto now = flat(here);
    if (before.empty()) return "its run.json is damaged";
    const auto value = [](const auto& values, const std::string& key) {
        const auto found = values.find(key);
        return found == values.end() ? std::string("not told") : found->second;
    };
    std::set<std::string> keys;
    for (const auto& [key, unused] : before) keys.insert(key);
    for (const auto& [key, unused] : now) keys.insert(key);
    std::vector<std::string> differences;
    for (const std::string& key : keys) {
        if (value(before, key) == value(now, key)) continue;
        differences.push_back(
            fmt::format("{} is {} there and {} here", key, value(before, key), value(now, key)));
    }
    if (differences.empty()) return "its run.json is written otherwise";
    std::string more;
    if (differences.size() > kDifferencesShown) {
        more = fmt::format(", and {} more", differences.size() - kDifferencesShown);
        differences.resize(kDifferencesShown);
    }
    return fmt::format("{}{}", fmt::join(differences, ", "), more);
}

FolderState folder_state(const fs::path& folder, const std::string& description) {
    using Kind = FolderState::Kind;
    std::error_code error;
    const bool is_finished = fs::exists(folder / "summary.json", error);
    if (!fs::exists(folder / "run.json", error)) {
        if (!is_finished) return {Kind::free, ""};
        return {Kind::other, "it has no run.json that says what was run"};
    }
    std::ostringstream text;
    text << std::ifstream(folder / "run.json", std::ios::binary).rdbuf();
    if (text.str() == description) return {is_finished ? Kind::finished : Kind::free, ""};
    return {Kind::other, description_difference(text.str(), description)};
}

}  // namespace dynavg::cli
