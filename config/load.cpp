#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "config/config.hpp"
#include "config/overlay.hpp"
#include "config/problems.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"

namespace dynavg::config {

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

std::string joined(const std::string& table, const std::string& key) {
    return table.empty() ? key : table + "." + key;
}

/// Walks a document along the schema.
class Reader {
public:
    void read(const Value::Table& table, const std::string& name) {
        if (name == "averaging") m_config.has_averaging_section = true;
        if (name == "data.shard") m_config.data.shard.emplace();
        if (name == "data.test") m_config.data.test.emplace();
        for (const Value::Member& member : table) read(member, joined(name, member.key));
    }

    void read(const Overlay& overlay) {
        if (overlay.key.starts_with("averaging.")) m_config.has_averaging_section = true;
        read({.key = overlay.key, .position = overlay.position, .value = overlay.value},
             overlay.key);
    }

    [[nodiscard]] Expected<Config, Error> finish(const std::string& file) {
        for (const Key& key : schema()) {
            const bool needed = key.required && m_config.node.role == protocol::Role::member;
            if (needed && !m_config.positions.contains(key.name)) {
                m_problems.add(key.name, {}, "is missing; allowed: " + key.allowed);
            }
        }
        check_rules(m_config, m_problems);
        if (!m_problems.empty()) return Unexpected<Error>(m_problems.error(file));
        settle_averaging(m_config);
        m_config.file = file;
        return std::move(m_config);
    }

private:
    void read(const Value::Member& member, const std::string& name) {
        if (is_table(name)) {
            if (const auto* table = std::get_if<Value::Table>(&member.value.data)) {
                return read(*table, name);
            }
            return m_problems.add(
                name, member.position,
                fmt::format("must be a table, [{}], but is {}", name, show(member.value)));
        }
        const Key* key = find_key(name);
        if (key == nullptr) {
            const bool table = std::holds_alternative<Value::Table>(member.value.data);
            return m_problems.add(name, member.position,
                                  (table ? "unknown table" : "unknown key") + suggestion(name));
        }
        m_config.positions.insert_or_assign(name, member.position);
        const auto stored = key->store(m_config, member.value);
        if (!stored) m_problems.add(name, member.position, stored.error());
    }

    Config m_config;
    Problems m_problems;
};

/// The host's name; a character that no name may hold becomes '-'.
std::string host_name() {
    std::array<char, 65> buffer{};
    if (gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') return "node";
    std::string name(buffer.data());
    for (char& c : name) {
        const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
        if (!good) c = '-';
    }
    return name;
}

}  // namespace

Expected<std::string, Error> read_text(const std::filesystem::path& file) {
    // A folder opens but does not read; errno then says so.
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text(kFileBytesMax + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.is_open() || stream.bad()) {
        return fail(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
    }
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kFileBytesMax) {
        return fail(fmt::format("{}: is longer than {} bytes, so no configuration", file.string(),
                                kFileBytesMax));
    }
    return text;
}

Expected<Config, Error> parse_config(std::string_view text, const std::string& name,
                                     std::span<const Overlay> overlays) {
    const auto document = parse_document(text, name);
    if (!document) return Unexpected<Error>(document.error());
    Reader reader;
    reader.read(*document, "");
    for (const Overlay& overlay : overlays) reader.read(overlay);
    auto config = reader.finish(name);
    if (config && config->node.name.empty()) config->node.name = host_name();
    return config;
}

Expected<Config, Error> parse_config(std::string_view text, const std::string& name) {
    return parse_config(text, name, {});
}

Expected<Config, Error> load_config(const std::filesystem::path& file,
                                    std::span<const Overlay> overlays) {
    const auto text = read_text(file);
    if (!text) return Unexpected<Error>(text.error());
    return parse_config(*text, file.string(), overlays);
}

Expected<Config, Error> load_config(const std::filesystem::path& file) {
    return load_config(file, {});
}

std::map<std::string, std::string> effective_values(const Config& config) {
    std::map<std::string, std::string> values;
    for (const Key& key : schema()) {
        const auto is_in = [&key](std::string_view table) { return key.name.starts_with(table); };
        const bool of_training = !is_in("node.") && !is_in("metrics.") && !is_in("output.") &&
                                 !is_in("security.") && !is_in("log.");
        if (!key.available || !of_training) continue;
        if (is_in("data.shard.") && !config.data.shard) continue;
        if (is_in("data.test.") && !config.data.test) continue;
        values.emplace(key.name, key.show(config));
    }
    return values;
}

}  // namespace dynavg::config
