#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;

namespace {

std::string source_text(const std::string& path) {
    std::ifstream stream(std::string(DYNAVG_SOURCE_DIR) + "/" + path);
    if (!stream) FAIL("cannot read " + path);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::string code(const std::string& text) {
    return text.empty() ? "" : "`" + text + "`";
}

/// The row that docs/configuration.md has for a key.
std::string documented(const Key& key) {
    const std::string shown = key.default_is_toml ? code(key.default_value) : key.default_value;
    const std::string allowed = key.allowed.empty() ? "" : ": " + key.allowed;
    if (!key.available) return "| `" + key.name + "` | a later version | | " + key.doc + " |";
    return "| `" + key.name + "` | " + key.type + allowed + " | " + shown + " | " + key.doc + " |";
}

std::set<std::string> schema_names() {
    std::set<std::string> names;
    for (const Key& key : schema()) names.insert(key.name);
    return names;
}

/// The names of all keys of a document: tables are followed as far as the schema has them.
void collect(const Value::Table& table, const std::string& prefix, std::set<std::string>& names) {
    for (const Value::Member& member : table) {
        const std::string name = prefix + member.key;
        const auto* inner = std::get_if<Value::Table>(&member.value.data);
        if (inner != nullptr && is_table(name)) {
            collect(*inner, name + ".", names);
        } else {
            names.insert(name);
        }
    }
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

bool is_setting(const std::string& line) {
    const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    return end != 0 && end != std::string::npos && line.compare(end, 3, " = ") == 0;
}

/// The default configuration with the keys that are commented out ("# key = value") put in.
std::string with_all_keys(const std::string& text) {
    std::string all;
    for (const std::string& line : lines_of(text)) {
        const bool commented_out = line.starts_with("# ") && is_setting(line.substr(2));
        all += (commented_out ? line.substr(2) : line) + '\n';
    }
    return all;
}

}  // namespace

TEST_CASE("docs/configuration.md has every key as the schema has it, and no other", "[docs]") {
    const std::string page = source_text("docs/configuration.md");
    for (const Key& key : schema()) {
        INFO("docs/configuration.md should have this row:\n" << documented(key));
        CHECK(page.find("\n" + documented(key) + "\n") != std::string::npos);
    }
    const std::set<std::string> names = schema_names();
    for (const std::string& line : lines_of(page)) {
        if (!line.starts_with("| `")) continue;
        const std::string name = line.substr(3, line.find('`', 3) - 3);
        CAPTURE(name);
        CHECK(names.contains(name));
    }
}

TEST_CASE("systemd/dynavg.toml is valid for the daemon", "[docs]") {
    const auto config = load_config(std::string(DYNAVG_SOURCE_DIR) + "/systemd/dynavg.toml");
    if (!config) FAIL(config.error().message);
    const auto checked = check_daemon_rules(*config);
    if (!checked) FAIL(checked.error().message);
}

TEST_CASE("systemd/dynavg.toml has every key that is available, and no other", "[docs]") {
    const auto document =
        parse_document(with_all_keys(source_text("systemd/dynavg.toml")), "dynavg.toml");
    if (!document) FAIL(document.error().message);
    std::set<std::string> names;
    collect(*document, "", names);
    std::set<std::string> expected;
    for (const Key& key : schema()) {
        if (key.available) expected.insert(key.name);
    }
    CHECK(names == expected);
}

TEST_CASE("systemd/dynavg.toml shows the defaults of what it comments out", "[docs]") {
    const std::string text = source_text("systemd/dynavg.toml");
    const auto written = parse_document(text, "dynavg.toml");
    REQUIRE(written);
    std::set<std::string> active;
    collect(*written, "", active);

    // The keys' own values must be allowed; whether they go together is not the question here.
    const auto document = parse_document(with_all_keys(text), "dynavg.toml");
    REQUIRE(document);
    const std::function<void(const Value::Table&, const std::string&)> check =
        [&](const Value::Table& table, const std::string& prefix) {
            for (const Value::Member& member : table) {
                const std::string name = prefix + member.key;
                if (is_table(name)) {
                    check(std::get<Value::Table>(member.value.data), name + ".");
                    continue;
                }
                CAPTURE(name);
                const Key* key = find_key(name);
                REQUIRE(key != nullptr);
                Config config;
                const auto stored = key->store(config, member.value);
                CHECK((stored ? "" : stored.error()) == std::string());
                if (active.contains(name) || !key->default_is_toml) continue;
                const auto by_default = parse_document("x = " + key->default_value, "default");
                REQUIRE(by_default);
                CHECK(show(member.value) == show(by_default->front().value));
            }
        };
    check(*document, "");
}

TEST_CASE("every default can be read by its own key", "[docs]") {
    for (const Key& key : schema()) {
        if (!key.default_is_toml) continue;
        CAPTURE(key.name, key.default_value);
        const auto document = parse_document("x = " + key.default_value, "default");
        REQUIRE(document);
        Config config;
        CHECK(key.store(config, document->front().value));
        CHECK_FALSE(key.doc.empty());
    }
    CHECK(schema_names().size() == schema().size());
}
