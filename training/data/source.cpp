#include "training/data/source.hpp"

#include <algorithm>
#include <array>

namespace dynavg::training {

// Each is at the end of the file that loads it.
extern const Source kSyntheticDigitsSource;
extern const Source kIdxSource;
extern const Source kCifar10Source;

namespace {

constexpr std::array kSources{&kSyntheticDigitsSource, &kIdxSource, &kCifar10Source};

}  // namespace

std::span<const Source* const> all_sources() {
    return kSources;
}

const Source* find_source(std::string_view name) {
    const auto* const found =
        std::find_if(kSources.begin(), kSources.end(),
                     [name](const Source* source) { return source->name == name; });
    return found == kSources.end() ? nullptr : *found;
}

}  // namespace dynavg::training
