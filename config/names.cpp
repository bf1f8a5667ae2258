#include "config/names.hpp"

#include <algorithm>
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

template <class Keep>
std::vector<std::string> models_that(Keep keep) {
    std::vector<std::string> names;
    for (const training::BuiltinModel& model : training::builtin_models()) {
        if (keep(model)) names.emplace_back(model.name);
    }
    return names;
}

template <class Keep>
std::vector<std::string> sources_that(Keep keep) {
    std::vector<std::string> names;
    for (const training::Source* source : training::all_sources()) {
        if (keep(*source)) names.emplace_back(source->name);
    }
    return names;
}

}  // namespace

std::string_view name_of(protocol::Role role) {
    return name_in<protocol::Role>(kRoles, role);
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

std::vector<std::string> model_names() {
    return models_that([](const auto&) { return true; });
}

std::vector<std::string> size_names() {
    std::vector<std::string> names;
    for (const training::BuiltinModel& model : training::builtin_models()) {
        for (const std::string_view size : model.sizes) {
            if (std::find(names.begin(), names.end(), size) == names.end()) {
                names.emplace_back(size);
            }
        }
    }
    return names;
}

std::vector<std::string> source_names() {
    return sources_that([](const auto&) { return true; });
}

std::vector<std::string> models_with_hidden(training::HiddenLayers hidden) {
    return models_that([hidden](const auto& model) { return model.hidden == hidden; });
}

std::vector<std::string> models_with_sizes() {
    return models_that([](const auto& model) { return !model.sizes.empty(); });
}

std::vector<std::string> models_with_drop_path() {
    return models_that([](const auto& model) { return model.has_drop_path; });
}

std::vector<std::string> sources_with(bool training::SourceKeys::*key) {
    return sources_that([key](const auto& source) { return source.keys.*key; });
}

bool reads_files(const DataConfig& data) {
    const training::Source* const source = training::find_source(data.source);
    return source != nullptr && source->keys.path;
}

std::string in_words(std::span<const std::string> names, std::string_view last) {
    if (names.size() < 2) return names.empty() ? "none" : names.front();
    return fmt::format("{} {} {}", fmt::join(names.first(names.size() - 1), ", "), last,
                       names.back());
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
