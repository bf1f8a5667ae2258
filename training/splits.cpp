#include "training/splits.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include <fmt/format.h>

namespace dynavg::training {

namespace {

constexpr std::string_view kAllowed =
    "allowed are iid, sorted:F with F from 0 to 1 (sorted:0.6), label:Y with Y from 0 to 255 "
    "(label:0)";

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Appends to each shard its equal part of `samples`, in order.
void deal(std::span<const std::uint32_t> samples, std::vector<Shard>& shards) {
    const std::size_t count = shards.size();
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t begin = samples.size() * k / count;
        const std::size_t end = samples.size() * (k + 1) / count;
        const auto part = samples.subspan(begin, end - begin);
        shards[k].samples.insert(shards[k].samples.end(), part.begin(), part.end());
    }
}

}  // namespace

std::string Split::text() const {
    switch (kind) {
        case SplitKind::iid:
            return "iid";
        case SplitKind::sorted:
            return fmt::format("sorted:{}", fraction);
        case SplitKind::label:
            return fmt::format("label:{}", label);
    }
    return "iid";
}

Expected<Split, Error> parse_split(std::string_view text) {
    constexpr std::string_view kSorted = "sorted:";
    constexpr std::string_view kLabel = "label:";
    if (text == "iid") return Split{};
    if (text.starts_with(kSorted)) {
        const auto fraction = parse_number<double>(text.substr(kSorted.size()));
        if (fraction && *fraction >= 0 && *fraction <= 1) {
            return Split{SplitKind::sorted, *fraction, 0};
        }
    }
    if (text.starts_with(kLabel)) {
        const auto label = parse_number<std::uint8_t>(text.substr(kLabel.size()));
        if (label) return Split{SplitKind::label, 0, *label};
    }
    return fail(fmt::format("split \"{}\" is not known; {}", text, kAllowed));
}

Expected<std::vector<Shard>, Error> cut(std::span<const std::uint8_t> labels, const Split& split,
                                        std::size_t count) {
    if (count == 0 || count > labels.size()) {
        return fail(
            fmt::format("{} samples cannot be cut into {} shards; choose a count from 1 "
                        "to {}",
                        labels.size(), count, labels.size()));
    }
    std::vector<std::uint32_t> order = whole(labels.size()).samples;
    std::vector<Shard> shards(count);
    std::size_t sorted = labels.size();
    if (split.kind == SplitKind::sorted) {
        sorted = static_cast<std::size_t>(split.fraction * static_cast<double>(labels.size()));
        const auto end = order.begin() + static_cast<std::ptrdiff_t>(sorted);
        std::stable_sort(order.begin(), end,
                         [&](std::uint32_t a, std::uint32_t b) { return labels[a] < labels[b]; });
    }
    if (split.kind == SplitKind::label) {
        std::stable_partition(order.begin(), order.end(),
                              [&](std::uint32_t sample) { return labels[sample] == split.label; });
    }
    deal(std::span(order).first(sorted), shards);
    deal(std::span(order).subspan(sorted), shards);
    for (std::size_t k = 0; k < count; ++k) {
        if (shards[k].samples.empty()) {
            return fail(
                fmt::format("split {} of {} samples into {} leaves shard {} empty; choose "
                            "a smaller count",
                            split.text(), labels.size(), count, k));
        }
    }
    return shards;
}

Shard whole(std::size_t samples) {
    Shard shard{std::vector<std::uint32_t>(samples)};
    std::iota(shard.samples.begin(), shard.samples.end(), 0U);
    return shard;
}

}  // namespace dynavg::training
