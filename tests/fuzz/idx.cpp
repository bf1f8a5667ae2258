#include "training/data/idx.hpp"

#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/target.hpp"

// A pair of IDX files, plain or gzipped: the images behind their length, then the labels.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    const MemoryFile images(in.piece());
    const MemoryFile labels(in.rest());
    const auto read = training::read_idx(images.path(), labels.path());
    if (!read) {
        DYNAVG_CHECK(!read.error().message.empty());
        return;
    }
    const training::Dataset& set = **read;
    DYNAVG_CHECK(set.size() > 0 && set.images.size() == set.size() * set.shape.pixels());
    for (const std::uint8_t label : set.labels) DYNAVG_CHECK(label < set.classes);
    DYNAVG_CHECK(set.image(set.size() - 1).size() == set.shape.pixels());
}

}  // namespace dynavg::fuzz
