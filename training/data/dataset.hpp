#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dynavg::training {

/// A half of a data set.
enum class DataPart : std::uint8_t { train, test };

/// Size of one image; its bytes are ordered channel, row, column.
struct ImageShape {
    std::size_t channels = 1;
    std::size_t height = 28;
    std::size_t width = 28;
    [[nodiscard]] constexpr std::size_t pixels() const { return channels * height * width; }
    constexpr bool operator==(const ImageShape&) const = default;
};

/// Labelled images in memory, immutable once made and shared by the trainers of a process. Pixels
/// are kept as bytes (a quarter of the memory) and become floats in [0, 1] per batch.
struct Dataset {
    std::string name;  ///< For messages to people.
    ImageShape shape;
    std::size_t classes = 10;
    std::vector<std::uint8_t> images;  ///< size() x shape.pixels().
    std::vector<std::uint8_t> labels;  ///< size(), each below classes.

    [[nodiscard]] std::size_t size() const { return labels.size(); }
    [[nodiscard]] std::span<const std::uint8_t> image(std::size_t index) const {
        return std::span(images).subspan(index * shape.pixels(), shape.pixels());
    }
};

/// Pixels / 255, and nothing else. `out` has as many floats as `image` has bytes.
void to_floats(std::span<const std::uint8_t> image, std::span<float> out);

}  // namespace dynavg::training
