#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <utility>

#include "training/data/dataset.hpp"

namespace dynavg::training {

/// The change of the data when the regime changes (concept drift; Kamp et al. 2018, section 5).
enum class DataChange : std::uint8_t {
    labels,  ///< Every class gets the label of the next one, the last that of the first.
    pixels,  ///< The pixels of all images change places, all in the same way.
};

/// The same samples under the new regime. Cost: a copy of the set. A pure function: all peers of an
/// experiment see the same change.
[[nodiscard]] std::shared_ptr<const Dataset> changed_data(const Dataset& before, DataChange change);

/// A data set that changes at a step; a plain one never does.
struct ChangingDataset {
    ChangingDataset() = default;
    template <std::convertible_to<std::shared_ptr<const Dataset>> Plain>
    ChangingDataset(Plain plain) : before(std::move(plain)) {}
    ChangingDataset(std::shared_ptr<const Dataset> first, std::shared_ptr<const Dataset> second,
                    std::uint64_t step)
        : before(std::move(first)), after(std::move(second)), changes_at(step) {}

    [[nodiscard]] const Dataset& at(std::uint64_t step) const {
        return after != nullptr && step >= changes_at ? *after : *before;
    }
    /// Shape, classes and size are those of both.
    [[nodiscard]] const Dataset* operator->() const { return before.get(); }
    [[nodiscard]] const Dataset& operator*() const { return *before; }
    [[nodiscard]] explicit operator bool() const { return before != nullptr; }

    std::shared_ptr<const Dataset> before;
    std::shared_ptr<const Dataset> after;  ///< Null: it never changes.
    std::uint64_t changes_at = 0;          ///< The first local step with `after`.
};

}  // namespace dynavg::training
