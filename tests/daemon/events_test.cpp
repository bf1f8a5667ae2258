#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/catch.hpp"

namespace {

using Words = std::set<std::string>;

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

Words all_matches(const std::string& text, const std::regex& pattern) {
    Words words;
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
        words.insert((*it)[1]);
    }
    return words;
}

/// Of all sources: names in Event("name", ...) and Event event(again ? "one" : "other", ...), and
/// keys in .with("key", ...).
struct Used {
    Words events;
    Words fields;
};

Used used_in_sources(const std::filesystem::path& root) {
    const std::regex event(R"re(\bEvent(?:\s+\w+)?\s*[({]([^,;]*"[^,;]*),)re");
    const std::regex quoted(R"re("([a-z_]+)")re");
    const std::regex field(R"re(\.with\(\s*"([a-z_]+)")re");
    Used used;
    for (const char* folder : {"protocol", "discovery", "training", "daemon"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            const std::string text = text_of(entry.path());
            for (const std::string& argument : all_matches(text, event)) {
                used.events.merge(all_matches(argument, quoted));
            }
            used.fields.merge(all_matches(text, field));
        }
    }
    return used;
}

}  // namespace

TEST_CASE("docs/events.md has every event and field of the sources", "[events]") {
    const std::filesystem::path root = DYNAVG_SOURCE_DIR;
    const std::string page = text_of(root / "docs/events.md");
    const Used used = used_in_sources(root);
    // Else the scan does not work.
    for (const char* name : {"log_lines_lost", "peer_joined", "round_started", "round_restarted"}) {
        CHECK(used.events.contains(name));
    }
    CHECK(used.fields.contains("oldest_state_ms"));

    for (const std::string& name : used.events) {
        INFO("docs/events.md should have a row that begins with \"| `" << name << "` |\"");
        CHECK(page.find("\n| `" + name + "` |") != std::string::npos);
    }
    for (const std::string& name : used.fields) {
        INFO("docs/events.md should have the field `" << name << "`");
        CHECK(page.find("`" + name + "`") != std::string::npos);
    }
}
