#include "config/schema_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/names.hpp"
#include "config/spelling.hpp"
#include "protocol/base/address.hpp"

namespace dynavg::config {

namespace {

constexpr std::string_view kIntervalPrefix = "interval:";
constexpr std::uint64_t kIntervalStepsMax = 1'000'000'000;
constexpr std::size_t kNameBytesMax = 64;
/// A node takes three ports from the configured one on.
constexpr std::uint16_t kFirstPortMax = 65533;

}  // namespace

Codec<std::string> name_text() {
    return text("1 to 64 letters, digits, '.', '_', '-'", [](const std::string& name) {
        const auto good = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '.' || c == '_' || c == '-';
        };
        const bool fits = !name.empty() && name.size() <= kNameBytesMax;
        return fits && std::all_of(name.begin(), name.end(), good) ? "" : "is no name";
    });
}

Codec<std::filesystem::path> path(std::size_t bytes_max) {
    const auto base =
        text(fmt::format("a path of 1 to {} bytes", bytes_max), [bytes_max](const auto& found) {
            const bool good = !found.empty() && found.size() <= bytes_max &&
                              found.find('\0') == std::string::npos;
            return good ? explain_path(found) : "is no path";
        });
    return {.type = base.type,
            .allowed = base.allowed,
            .parse = [base](const Value& value) -> Expected<std::filesystem::path, std::string> {
                return base.parse(value).map(
                    [](std::string found) { return std::filesystem::path(std::move(found)); });
            },
            .print = [](const auto& shown) { return in_quotes(shown.native()); }};
}

Codec<std::filesystem::path> model_file() {
    constexpr std::array<std::string_view, 3> kEndings{".pt", ".pth", ".npz"};
    const auto any = path(kPathBytesMax);
    const std::string allowed = "a path that ends in .pt, .pth (PyTorch) or .npz (NumPy)";
    return {.type = any.type,
            .allowed = allowed,
            .parse = [=](const Value& value) -> Expected<std::filesystem::path, std::string> {
                auto parsed = any.parse(value);
                if (!parsed) return parsed;
                const std::string ending = parsed->extension().string();
                const bool known =
                    std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
                if (!known) return not_allowed(value, allowed);
                return parsed;
            },
            .print = any.print};
}

Codec<std::string> argument() {
    return text("a text without zero bytes", [](const std::string& found) {
        return found.find('\0') == std::string::npos ? "" : "has a zero byte";
    });
}

Codec<std::string> bind_address() {
    return text("tcp://HOST:PORT with a port up to 65533, or 0 for any that is free",
                [](const std::string& found) {
                    const auto address = protocol::parse_tcp_address(found);
                    const bool good = address && address->port <= kFirstPortMax;
                    return good ? "" : explain_address(found, AddressForm::bound);
                });
}

Codec<std::string> metrics_address() {
    return text("empty, or tcp://HOST:PORT, with port 0 for any that is free",
                [](const std::string& found) {
                    const bool good = found.empty() || protocol::parse_tcp_address(found);
                    return good ? "" : explain_address(found, AddressForm::bound);
                });
}

Codec<std::string> own_address() {
    return text("HOST:PORT", [](const std::string& found) {
        const auto address = protocol::parse_host_port(found);
        const bool good = address && address->port != 0;
        return good ? "" : explain_address(found, AddressForm::dialed);
    });
}

Codec<std::string> peer_address() {
    return text("KEY@HOST:PORT, or HOST:PORT in a network without keys",
                [](const std::string& found) {
                    const bool good = protocol::parse_peer_address(found).has_value();
                    return good ? "" : explain_address(found, AddressForm::peer);
                });
}

Codec<std::string> public_key() {
    return text("64 hexadecimal digits, as `dynavg id` prints them", [](const std::string& found) {
        return protocol::PeerId::from_hex(found) ? "" : "is no public key";
    });
}

Codec<Split> split() {
    const std::string allowed =
        "iid, label:Y (Y from 0 to 255), sorted:F (F above 0, up to 1), dirichlet:A (A above 0), "
        "unequal:R (R from 1 to 1000)";
    return {.type = "string",
            .allowed = allowed,
            .parse = [allowed](const Value& value) -> Expected<Split, std::string> {
                const auto* found = std::get_if<std::string>(&value.data);
                if (found == nullptr) return wrong_type(value, "string", allowed);
                if (const auto parsed = parse_split(*found)) return *parsed;
                return not_allowed(value, allowed);
            },
            .print = [](const Split& shown) { return in_quotes(text_of(shown)); }};
}

Key monitor_key(std::string name, std::string doc) {
    const auto named = choice<protocol::MonitorKind>(monitors());
    const std::string with_steps = ", interval:N (N steps, 1 to 1000000000)";
    Key key;
    key.name = std::move(name);
    key.type = named.type;
    key.allowed = named.allowed + with_steps;
    key.default_value = named.print(protocol::AveragingSettings().monitor);
    key.doc = std::move(doc);
    key.store = [=, allowed = key.allowed](Config& config,
                                           const Value& value) -> Expected<void, std::string> {
        protocol::AveragingSettings& averaging = config.averaging;
        const auto* text = std::get_if<std::string>(&value.data);
        if (text != nullptr && text->starts_with(kIntervalPrefix)) {
            const char* const end = text->data() + text->size();
            const auto [stop, error] =
                std::from_chars(text->data() + kIntervalPrefix.size(), end, averaging.interval);
            const bool whole = error == std::errc{} && stop == end;
            if (!whole || averaging.interval < 1 || averaging.interval > kIntervalStepsMax) {
                return not_allowed(value, allowed);
            }
            averaging.monitor = protocol::MonitorKind::interval;
            return {};
        }
        auto kind = named.parse(value);
        if (!kind) {
            std::string problem = std::move(kind.error());
            problem.insert(problem.find(named.allowed) + named.allowed.size(), with_steps);
            return Unexpected<std::string>(std::move(problem));
        }
        averaging.monitor = *kind;
        return {};
    };
    key.show = [](const Config& config) {
        return in_quotes(protocol::monitor_text(config.averaging));
    };
    return key;
}

Key threshold_key(std::string name, std::string doc) {
    const auto fixed = number(above(0));
    const std::string allowed = fixed.allowed + R"(, or "auto")";
    Key key;
    key.name = std::move(name);
    key.type = fixed.type;
    key.allowed = allowed;
    key.default_value = fixed.print(protocol::AveragingSettings().threshold);
    key.doc = std::move(doc);
    key.store = [fixed, allowed](Config& config,
                                 const Value& value) -> Expected<void, std::string> {
        const auto* text = std::get_if<std::string>(&value.data);
        config.auto_threshold.chosen = text != nullptr && *text == "auto";
        if (config.auto_threshold.chosen) return {};
        if (text != nullptr) return not_allowed(value, allowed);
        return fixed.parse(value).map(
            [&config](double threshold) { config.averaging.threshold = threshold; });
    };
    key.show = [fixed](const Config& config) {
        return config.auto_threshold.chosen ? in_quotes("auto")
                                            : fixed.print(config.averaging.threshold);
    };
    return key;
}

Key only(std::string name, std::string value, Later later, std::string doc) {
    Key key;
    key.name = std::move(name);
    key.type = "string";
    key.allowed = value;
    key.default_value = in_quotes(value);
    key.doc = std::move(doc);
    key.store = [value, later = std::move(later)](
                    Config&, const Value& given) -> Expected<void, std::string> {
        const auto* found = std::get_if<std::string>(&given.data);
        if (found == nullptr) return wrong_type(given, "string", value);
        if (*found == value) return {};
        return is_later(later, *found) ? not_available(in_quotes(*found), value)
                                       : not_allowed(given, value);
    };
    key.show = [shown = key.default_value](const Config&) { return shown; };
    return key;
}

}  // namespace dynavg::config
