#include "config/spelling.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "protocol/base/address.hpp"

namespace dynavg::config {

namespace {

using protocol::parse_host_port;
using protocol::parse_peer_address;
using protocol::parse_tcp_address;

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kExamplePort = "7400";
constexpr std::size_t kKeyDigits = 64;

bool is_written_right(const std::string& text, AddressForm form) {
    switch (form) {
        case AddressForm::dialed: {
            const auto address = parse_host_port(text);
            return address && address->port != 0;
        }
        case AddressForm::peer:
            return parse_peer_address(text).has_value();
        case AddressForm::bound:
            break;
    }
    return parse_tcp_address(text).has_value();
}

/// Its parts as they stand there; each may be empty or wrong.
struct Parts {
    std::string key;     ///< With its "@".
    std::string scheme;  ///< With its "://".
    std::string rest;
};

Parts take_apart(std::string_view text) {
    Parts parts;
    // In either order: "tcp://KEY@HOST" is meant like "KEY@tcp://HOST".
    const auto take_scheme = [&] {
        const std::size_t end = text.find("://");
        if (end == std::string_view::npos || text.find('@') < end) return;
        parts.scheme = text.substr(0, end + 3);
        text.remove_prefix(end + 3);
    };
    take_scheme();
    if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
        parts.key = text.substr(0, at + 1);
        text.remove_prefix(at + 1);
    }
    take_scheme();
    parts.rest = text;
    return parts;
}

/// "::1:7400" is meant as "[::1]:7400", and "::1" needs a port besides.
std::optional<std::string> with_brackets(const std::string& rest) {
    if (std::count(rest.begin(), rest.end(), ':') < 2 || rest.find('[') != std::string::npos) {
        return std::nullopt;
    }
    const std::size_t colon = rest.rfind(':');
    std::string split = fmt::format("[{}]:{}", rest.substr(0, colon), rest.substr(colon + 1));
    if (parse_host_port(split)) return split;
    std::string whole = fmt::format("[{}]:{}", rest, kExamplePort);
    return parse_host_port(whole) ? std::optional(std::move(whole)) : std::nullopt;
}

}  // namespace

std::string explain_address(std::string_view text, AddressForm form) {
    const std::string plain = "is no such address";
    Parts parts = take_apart(text);
    const std::string scheme = form == AddressForm::bound ? std::string(kTcp) : std::string();
    std::string why;
    if (form != AddressForm::peer && !parts.key.empty()) {
        why = "write it without a key";
        parts.key.clear();
    } else if (!parts.key.empty() &&
               !protocol::PeerId::from_hex(parts.key.substr(0, parts.key.size() - 1))) {
        return fmt::format(
            "{}: before the @ stands a key of {} hexadecimal digits, as `dynavg id` "
            "prints it",
            plain, kKeyDigits);
    }
    if (parts.scheme != scheme) {
        why = scheme.empty() ? fmt::format("write it without {}", parts.scheme)
                             : fmt::format("write {} before it", scheme);
    }
    if (const auto bracketed = with_brackets(parts.rest)) {
        why = "write an IPv6 address in brackets, with a port after them";
        parts.rest = *bracketed;
    } else if (form == AddressForm::bound && parts.rest.starts_with("*:")) {
        why = "for all addresses of this machine write 0.0.0.0 (or [::])";
        parts.rest = "0.0.0.0" + parts.rest.substr(1);
    } else if (parts.rest.rfind(':') == std::string::npos ||
               (parts.rest.ends_with(']') && parts.rest.starts_with('['))) {
        why = "name a port";
        parts.rest += fmt::format(":{}", kExamplePort);
    }
    const std::string meant = parts.key + scheme + parts.rest;
    if (why.empty() || !is_written_right(meant, form)) return plain;
    return fmt::format("{}: {}, as in \"{}\"", plain, why, meant);
}

std::string explain_path(std::string_view text) {
    const bool home = text.starts_with('~');
    const std::size_t dollar = text.find('$');
    const bool variable = dollar != std::string_view::npos && dollar + 1 < text.size() &&
                          (std::isalpha(static_cast<unsigned char>(text[dollar + 1])) != 0 ||
                           text[dollar + 1] == '_' || text[dollar + 1] == '{');
    if (!home && !variable) return {};
    for (const std::string_view start : {"~/", "$HOME/", "${HOME}/"}) {
        if (!text.starts_with(start)) continue;
        return fmt::format(
            "is no path here: no shell puts in what \"{}\" stands for; write the whole path, such "
            "as \"/home/NAME/{}\"",
            start.substr(0, start.size() - 1), text.substr(start.size()));
    }
    return fmt::format(
        "is no path here: no shell puts in what \"{}\" stands for; write the whole path, from / on",
        home ? "~" : "$");
}

}  // namespace dynavg::config
