#include "daemon/outputs/log_format.hpp"

#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "daemon/outputs/event_ids.hpp"

namespace dynavg::daemon {

namespace {

using control::escaped;
using protocol::EventValue;
using protocol::Level;

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};

std::string text_of(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    return fmt::format("{}", number);
}

nlohmann::ordered_json to_json(const EventValue& value) {
    return std::visit(Overloaded{
                          [](double number) -> nlohmann::ordered_json {
                              if (std::isfinite(number)) return number;
                              return text_of(number);
                          },
                          [](const auto& other) -> nlohmann::ordered_json { return other; },
                      },
                      value);
}

/// A value of key=value: quoted where it would not be one word.
std::string word(std::string_view text) {
    const bool plain = !text.empty() && text.find_first_of(" \"=\\,[]") == std::string_view::npos &&
                       escaped(text) == text;
    if (plain) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return escaped(quoted) + '"';
}

std::string text_of(const EventValue& value) {
    return std::visit(Overloaded{
                          [](std::int64_t number) { return fmt::format("{}", number); },
                          [](double number) { return text_of(number); },
                          [](const std::string& text) { return word(text); },
                          [](const std::vector<std::string>& list) {
                              std::string text;
                              for (const std::string& item : list) {
                                  text += (text.empty() ? "" : ",") + word(item);
                              }
                              return "[" + text + "]";
                          },
                      },
                      value);
}

std::string_view color_of(Level level) {
    switch (level) {
        case Level::debug:
            return "\x1b[2m";
        case Level::info:
            return "\x1b[32m";
        case Level::warning:
            return "\x1b[33m";
        case Level::error:
            return "\x1b[31m";
    }
    return "";
}

/// The numbers of syslog.
int priority_of(Level level) {
    switch (level) {
        case Level::debug:
            return 7;
        case Level::info:
            return 6;
        case Level::warning:
            return 4;
        case Level::error:
            return 3;
    }
    return 6;
}

/// DYNAVG_BYTES_SENT of bytes_sent.
std::string journal_key(std::string_view key) {
    std::string name = "DYNAVG_";
    for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

/// A value as it is; escaped, so that nothing that shows it can be steered by it.
std::string journal_text(const EventValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return escaped(*text);
    return text_of(value);
}

/// "9f3a01c2" of "node-a (9f3a01c2)", as discovery::display_name() writes it; else empty.
std::string digits_after_name(std::string_view peer) {
    constexpr std::size_t kDigits = 8;
    const std::size_t end = kDigits + 3;
    if (peer.size() < end || !peer.ends_with(')')) return {};
    const std::string_view tail = peer.substr(peer.size() - end);
    const std::string_view digits = tail.substr(2, kDigits);
    const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return tail.starts_with(" (") && is_hex ? std::string(digits) : std::string();
}

void add_journal(std::vector<std::string>& fields, std::string_view key, const EventValue& value) {
    const std::string name = journal_key(key);
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    if (list == nullptr) {
        fields.push_back(name + '=' + journal_text(value));
        // So that one value finds all that is said of a peer, with its name or without.
        const auto* text = std::get_if<std::string>(&value);
        const bool is_peer = key == "peer" && text != nullptr;
        const std::string digits = is_peer ? digits_after_name(*text) : std::string();
        if (!digits.empty()) fields.push_back(name + '=' + digits);
        return;
    }
    for (const std::string& item : *list) fields.push_back(name + '=' + escaped(item));
}

}  // namespace

std::string format_time(WallClock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(WallClock::to_time_t(seconds)),
                       (whole - seconds).count());
}

std::string format_json(const LogLine& line) {
    nlohmann::ordered_json object;
    object["time"] = format_time(line.time);
    object["level"] = name_of(line.event.level);
    object["event"] = line.event.name;
    object["node"] = line.node;
    object["network"] = line.network;
    object["epoch"] = line.position.epoch.value();
    object["step"] = line.position.step.value();
    object["message"] = line.event.message;
    for (const auto& [key, value] : line.event.fields) object[std::string(key)] = to_json(value);
    using Handler = nlohmann::ordered_json::error_handler_t;
    return object.dump(-1, ' ', false, Handler::replace) + '\n';
}

std::string format_text(const LogLine& line, Paint paint) {
    const bool colored = paint == Paint::colored;
    std::string text =
        fmt::format("{} {}{:<7}{} {:<16} {}", format_time(line.time),
                    colored ? color_of(line.event.level) : "", name_of(line.event.level),
                    colored ? "\x1b[0m" : "", line.event.name, escaped(line.event.message));
    if (colored) text += "\x1b[2m";
    text +=
        fmt::format(" epoch={} step={}", line.position.epoch.value(), line.position.step.value());
    for (const auto& [key, value] : line.event.fields) {
        text += fmt::format(" {}={}", key, text_of(value));
    }
    if (colored) text += "\x1b[0m";
    return text + '\n';
}

std::vector<std::string> format_journal(const LogLine& line) {
    const protocol::Event& event = line.event;
    std::vector<std::string> fields = {
        "MESSAGE=" + escaped(event.message),
        fmt::format("PRIORITY={}", priority_of(event.level)),
        "DYNAVG_EVENT=" + std::string(event.name),
        "DYNAVG_LEVEL=" + std::string(name_of(event.level)),
    };
    if (const std::string_view id = message_id_of(event.name); !id.empty()) {
        fields.push_back("MESSAGE_ID=" + std::string(id));
    }
    const auto add_unless_told = [&](std::string_view key, const EventValue& value) {
        if (event.find(key) == nullptr) add_journal(fields, key, value);
    };
    add_unless_told("node", std::string(line.node));
    add_unless_told("network", std::string(line.network));
    add_unless_told("epoch", static_cast<std::int64_t>(line.position.epoch.value()));
    add_unless_told("step", static_cast<std::int64_t>(line.position.step.value()));
    for (const auto& [key, value] : event.fields) add_journal(fields, key, value);
    return fields;
}

}  // namespace dynavg::daemon
