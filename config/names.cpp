#include "config/names.hpp"

#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace dynavg::config {

namespace {

/// A data set has its labels as bytes.
constexpr double kLabelMax = 255;
constexpr double kUnequalMax = 1000;

bool is_in_range(const Split& split) {
    const double value = split.value;
    if (!std::isfinite(value)) return false;
    switch (split.kind) {
        case Split::Kind::iid:
            return true;
        case Split::Kind::label:
            return value >= 0 && value <= kLabelMax && value == std::floor(value);
        case Split::Kind::sorted:
            return value > 0 && value <= 1;
        case Split::Kind::dirichlet:
            return value > 0;
        case Split::Kind::unequal:
            return value >= 1 && value <= kUnequalMax;
    }
    return false;
}

}  // namespace

std::string_view name_of(protocol::Role role) {
    return name_in<protocol::Role>(kRoles, role);
}

std::string_view name_of(BuiltinModel model) {
    return name_in<BuiltinModel>(kModels, model);
}
std::string_view name_of(ModelSize size) {
    return name_in<ModelSize>(kSizes, size);
}
std::string_view name_of(DataSource source) {
    return name_in<DataSource>(kSources, source);
}
std::string_view name_of(OptimizerKind kind) {
    return name_in<OptimizerKind>(kOptimizers, kind);
}
std::string_view name_of(Device device) {
    return name_in<Device>(kDevices, device);
}

std::span<const Named<protocol::MonitorKind>> monitors() {
    static const auto kMonitors = [] {
        std::vector<Named<protocol::MonitorKind>> names;
        for (const protocol::MonitorTraits& traits : protocol::all_monitors()) {
            if (traits.trigger == protocol::Trigger::interval) continue;
            names.emplace_back(traits.name, traits.kind);
        }
        return names;
    }();
    return kMonitors;
}

bool reads_files(DataSource source) {
    return source != DataSource::synthetic_digits;
}

std::optional<Split> parse_split(std::string_view text) {
    if (text == "iid") return Split{};
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view number = text.substr(colon + 1);
    for (const auto& [name, kind] : kSplits) {
        if (kind == Split::Kind::iid || name != text.substr(0, colon)) continue;
        Split split{.kind = kind, .value = 0};
        const char* const end = number.data() + number.size();
        const auto [stop, error] = std::from_chars(number.data(), end, split.value);
        if (error != std::errc{} || stop != end || !is_in_range(split)) return std::nullopt;
        return split;
    }
    return std::nullopt;
}

std::string text_of(const Split& split) {
    const std::string_view name = name_in<Split::Kind>(kSplits, split.kind);
    if (split.kind == Split::Kind::iid) return std::string(name);
    return fmt::format("{}:{}", name, split.value);
}

}  // namespace dynavg::config
