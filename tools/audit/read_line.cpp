#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/audit/entry.hpp"

namespace dynavg::audit {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, EntryKind>, 7> kKinds{{
    {"round_committed", EntryKind::committed},
    {"adopted", EntryKind::adopted},
    {"started", EntryKind::started},
    {"fork_detected", EntryKind::fork_detected},
    {"merged", EntryKind::merged},
    {"peer_joined", EntryKind::peer_joined},
    {"log_lines_lost", EntryKind::lines_lost},
}};

std::optional<EntryKind> kind_of(std::string_view event) {
    for (const auto& [name, kind] : kKinds) {
        if (name == event) return kind;
    }
    return std::nullopt;
}

/// The text after "key": in a line of JSON, if it is a string. No need to parse: inside a
/// string the quotes of such a key would be escaped.
std::optional<std::string_view> value_after(std::string_view line, std::string_view quoted_key) {
    const void* const found =
        memmem(line.data(), line.size(), quoted_key.data(), quoted_key.size());
    if (found == nullptr) return std::nullopt;
    const char* at = static_cast<const char*>(found) + quoted_key.size();
    const char* const end = line.data() + line.size();
    while (at != end && *at == ' ') ++at;
    if (at == end || *at != '"') return std::nullopt;
    const char* const close = std::find(++at, end, '"');
    return std::string_view(at, static_cast<std::size_t>(close - at));
}

/// A string, or the array of bytes that journalctl makes of one that is not printable.
std::string text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    std::string text;
    if (!value.is_array()) return text;
    for (const Json& byte : value) {
        if (!byte.is_number_unsigned()) return {};
        text += static_cast<char>(byte.get<std::uint64_t>() & 0xFFU);
    }
    return text;
}

/// One object: a line of ours, or an entry of the journal.
class Fields {
public:
    Fields(const Json& object, bool journal) : m_object(object), m_journal(journal) {}

    [[nodiscard]] const Json* find(std::string_view key) const {
        std::string name(key);
        if (m_journal) {
            std::transform(name.begin(), name.end(), name.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            name.insert(0, "DYNAVG_");
        }
        const auto found = m_object.find(name);
        return found == m_object.end() ? nullptr : &*found;
    }
    [[nodiscard]] std::string text(std::string_view key) const {
        const Json* const value = find(key);
        return value == nullptr ? std::string() : text_of(*value);
    }
    [[nodiscard]] std::optional<std::uint64_t> count(std::string_view key) const {
        const Json* const value = find(key);
        if (value == nullptr) return std::nullopt;
        if (value->is_number_unsigned()) return value->get<std::uint64_t>();
        const std::string digits = text_of(*value);
        std::uint64_t number = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), number);
        const bool whole = error == std::errc() && end == digits.data() + digits.size();
        return whole ? std::optional(number) : std::nullopt;
    }
    [[nodiscard]] std::optional<double> number(std::string_view key) const {
        const Json* const value = find(key);
        if (value == nullptr) return std::nullopt;
        if (value->is_number()) return value->get<double>();
        const std::string digits = text_of(*value);
        double number = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), number);
        const bool whole = error == std::errc() && end == digits.data() + digits.size();
        return whole ? std::optional(number) : std::nullopt;
    }
    /// An array of texts; the journal makes a text of an array of one.
    [[nodiscard]] std::vector<std::string> list(std::string_view key) const {
        const Json* const value = find(key);
        std::vector<std::string> texts;
        if (value == nullptr || value->is_null()) return texts;
        const bool bytes = value->is_array() && !value->empty() && value->front().is_number();
        if (!value->is_array() || bytes) return {text_of(*value)};
        for (const Json& item : *value) texts.push_back(text_of(item));
        return texts;
    }

private:
    const Json& m_object;
    bool m_journal;
};

std::optional<protocol::Digest> digest_from(std::string_view hex) {
    constexpr std::size_t kHalf = 16;
    protocol::Digest digest;
    if (hex.size() != 2 * kHalf) return std::nullopt;
    const auto read = [](std::string_view digits, std::uint64_t& number) {
        const char* const end = digits.data() + digits.size();
        const auto [at, error] = std::from_chars(digits.data(), end, number, 16);
        return error == std::errc() && at == end;
    };
    if (!read(hex.substr(0, kHalf), digest.high) || !read(hex.substr(kHalf), digest.low)) {
        return std::nullopt;
    }
    return digest;
}

/// The target epoch, as in 12-9f3a01c2: exact, where the line's epoch is that of its writing.
std::optional<std::uint64_t> target_of(const std::string& round) {
    std::uint64_t epoch = 0;
    const auto [end, error] = std::from_chars(round.data(), round.data() + round.size(), epoch);
    const bool reads = error == std::errc() && end != round.data() + round.size() && *end == '-';
    return reads ? std::optional(epoch) : std::nullopt;
}

bool read_committed(const Fields& fields, Entry& entry) {
    const auto digest = digest_from(fields.text("digest"));
    if (!digest) return false;
    entry.digest = *digest;
    if (const auto target = target_of(fields.text("round"))) entry.epoch = *target;
    entry.peer_id = fields.text("peer_id");
    entry.reason = fields.text("reason");
    entry.participants = fields.list("participants");
    if (entry.participants.empty()) return false;
    std::sort(entry.participants.begin(), entry.participants.end());
    entry.missing = fields.list("missing");
    entry.threshold = fields.number("threshold");
    entry.bytes_sent = fields.count("bytes_sent").value_or(0);
    entry.bytes_received = fields.count("bytes_received").value_or(0);
    entry.bytes_monitoring = fields.count("bytes_monitoring").value_or(0);
    entry.duration_ms = fields.count("duration_ms").value_or(0);
    return true;
}

/// The journal tells a peer twice: by name and digits, and by its digits.
std::string named(const std::vector<std::string>& peers) {
    const auto longest =
        std::max_element(peers.begin(), peers.end(),
                         [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return longest == peers.end() ? std::string() : *longest;
}

/// False if the line lacks what its kind must have.
bool read_fields(const Fields& fields, Entry& entry) {
    entry.node = fields.text("node");
    entry.network = fields.text("network");
    const auto epoch = fields.count("epoch");
    if (!epoch || entry.node.empty()) return false;
    entry.epoch = *epoch;
    switch (entry.kind) {
        case EntryKind::started:
            entry.peer_id = fields.text("peer_id");
            return true;
        case EntryKind::committed:
            return read_committed(fields, entry);
        case EntryKind::adopted:
        case EntryKind::fork_detected:
        case EntryKind::merged: {
            const auto from = digest_from(fields.text("from_reference"));
            const auto to = digest_from(fields.text("to_reference"));
            if (!from || !to) return false;
            entry.from_reference = *from;
            entry.digest = *to;
            return true;
        }
        case EntryKind::peer_joined:
            entry.peer = named(fields.list("peer"));
            return true;
        case EntryKind::lines_lost:
            entry.lines = fields.count("lines").value_or(0);
            return true;
    }
    return false;
}

/// Of an event that is not needed, only its beginning and its end are looked at.
LineKind read_object(std::string_view line, Entry& entry, bool inside_message) {
    if (line.empty() || line.front() != '{' || line.back() != '}') return LineKind::garbage;
    auto name = value_after(line, "\"event\":");
    const bool journal = !name;
    if (journal) name = value_after(line, "\"DYNAVG_EVENT\":");
    const auto message = name ? std::nullopt : value_after(line, "\"MESSAGE\":");
    const bool wraps = !inside_message && message && message->starts_with('{');
    const auto kind = name ? kind_of(*name) : std::nullopt;
    if (name && !kind) return LineKind::event;
    if (!name && !wraps) {
        const bool of_a_journal = line.find("\"__REALTIME_TIMESTAMP\"") != std::string_view::npos;
        return of_a_journal ? LineKind::foreign : LineKind::garbage;
    }
    const Json object = Json::parse(line.begin(), line.end(), nullptr, false);
    if (!object.is_object()) return LineKind::garbage;
    if (wraps) {
        const auto found = object.find("MESSAGE");
        const std::string inside = found == object.end() ? std::string() : text_of(*found);
        const LineKind inner = read_object(inside, entry, true);
        return inner == LineKind::garbage ? LineKind::foreign : inner;
    }
    entry = Entry{};
    entry.kind = *kind;
    return read_fields(Fields(object, journal), entry) ? LineKind::entry : LineKind::garbage;
}

}  // namespace

LineKind read_line(std::string_view line, Entry& entry) {
    // Skips the text that a container's log or journalctl -o short puts before each line, and
    // json-seq's sign.
    if (line.empty() || line.front() != '{') {
        const std::size_t begin = line.find("{\"time\":");
        line.remove_prefix(begin == std::string_view::npos ? std::min<std::size_t>(1, line.size())
                                                           : begin);
    }
    return read_object(line, entry, false);
}

}  // namespace dynavg::audit
