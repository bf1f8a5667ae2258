#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/base/expected.hpp"
#include "training/data/dataset.hpp"

namespace dynavg::training {

/// The wanted part of a data set, and the values of the keys that choose the set; a source reads
/// those that its SourceKeys name.
struct SourceRequest {
    DataPart part = DataPart::train;
    std::filesystem::path path;
    std::uint64_t samples = 0;
    std::uint64_t seed = 0;
};

/// The keys of `[data]` that a source takes; the others are refused.
struct SourceKeys {
    bool path = false;     ///< The folder of the set, which it needs; and `[data.test] path`.
    bool samples = false;  ///< How many samples are drawn.
    bool seed = false;     ///< They are drawn from it.
};

/// All that is particular to one kind of data set. A new one is a file in training/data/ that ends
/// with its Source, and a line of the table in source.cpp; the configuration, its messages, the
/// tool's options and the trainer read it there.
struct Source {
    std::string_view name;  ///< As configurations write it.
    SourceKeys keys{};
    ImageShape shape{};  ///< Of its images; the model is made for it.
    /// Seconds, and memory for all samples. An error names the file and what to do.
    Expected<std::shared_ptr<const Dataset>, Error> (*load)(const SourceRequest& request) = nullptr;
};

/// In the order in which messages and documentation list them.
[[nodiscard]] std::span<const Source* const> all_sources();
/// Null if there is none of that name.
[[nodiscard]] const Source* find_source(std::string_view name);

}  // namespace dynavg::training
