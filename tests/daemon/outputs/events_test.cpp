#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "daemon/outputs/event_ids.hpp"
#include "tests/catch.hpp"

namespace {

using Words = std::set<std::string>;

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// The rest of the text after spaces, a name, and spaces again.
std::string_view skip(std::string_view text) {
    const auto spaces = [&text] {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\n'))
            text.remove_prefix(1);
    };
    spaces();
    while (!text.empty() && is_word(text.front())) text.remove_prefix(1);
    spaces();
    return text;
}

/// All words in quotes.
Words quoted_in(std::string_view text) {
    Words words;
    for (std::size_t at = 0; (at = text.find('"', at)) != std::string_view::npos;) {
        const std::size_t end = text.find('"', at + 1);
        if (end == std::string_view::npos) break;
        const std::string_view word = text.substr(at + 1, end - at - 1);
        if (!word.empty() && std::all_of(word.begin(), word.end(), is_word)) words.emplace(word);
        at = end + 1;
    }
    return words;
}

/// The words in quotes of the first argument of each call or construction that begins with `head`.
Words first_arguments(std::string_view text, std::string_view head) {
    Words words;
    for (std::size_t at = 0; (at = text.find(head, at)) != std::string_view::npos;) {
        const bool begins = at == 0 || !is_word(text[at - 1]) || !is_word(head.front());
        at += head.size();
        std::string_view rest = text.substr(at);
        if (!begins || (!rest.empty() && is_word(rest.front()))) continue;
        rest = skip(rest);
        if (rest.empty() || (rest.front() != '(' && rest.front() != '{')) continue;
        words.merge(quoted_in(rest.substr(0, rest.find_first_of(",;"))));
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
    Used used;
    for (const char* folder : {"protocol", "discovery", "storage", "peer", "training", "daemon"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            const std::string text = text_of(entry.path());
            used.events.merge(first_arguments(text, "Event"));
            used.fields.merge(first_arguments(text, ".with"));
        }
    }
    return used;
}

}  // namespace

TEST_CASE("docs/events.md has every event and field of the sources", "[events]") {
    const std::filesystem::path root = DYNAVG_SOURCE_DIR;
    std::string page = text_of(root / "docs/events.md");
    const std::size_t tables_end = page.find("\n## MESSAGE_ID");
    REQUIRE(tables_end != std::string::npos);
    page.resize(tables_end);
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

TEST_CASE("every event has a MESSAGE_ID of its own, and docs/events.md lists it", "[events]") {
    using dynavg::daemon::event_ids;
    using dynavg::daemon::message_id_of;
    const std::filesystem::path root = DYNAVG_SOURCE_DIR;
    const std::string page = text_of(root / "docs/events.md");
    const Used used = used_in_sources(root);
    Words ids;
    std::string_view before;
    for (const auto& [event, id] : event_ids()) {
        INFO(event);
        CHECK(before < event);
        before = event;
        CHECK(id.size() == 32);
        CHECK(id.find_first_not_of("0123456789abcdef") == std::string_view::npos);
        CHECK(ids.emplace(id).second);
        CHECK(used.events.contains(std::string(event)));
        const std::string row = "| `" + std::string(event) + "` | `" + std::string(id) + "` |";
        CHECK(page.find("\n" + row) != std::string::npos);
    }
    for (const std::string& name : used.events) {
        INFO(name << " needs an id in daemon/outputs/event_ids.cpp");
        CHECK_FALSE(message_id_of(name).empty());
    }
    CHECK(message_id_of("no_such_event").empty());
    CHECK(message_id_of("zzz").empty());
}
