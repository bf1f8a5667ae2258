#include "training/weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <span>

#include <fmt/format.h>

namespace dynavg::training {

static_assert(std::endian::native == std::endian::little, "the file is read as it lies");

namespace {

bool read_into(std::ifstream& file, std::span<float> out) {
    const auto bytes = static_cast<std::streamsize>(out.size_bytes());
    file.read(reinterpret_cast<char*>(out.data()), bytes);
    return file.gcount() == bytes;
}

}  // namespace

Expected<std::vector<float>, Error> read_weights(const std::filesystem::path& path,
                                                 const ModelSpec& spec) {
    const ModelLayout layout = layout_of(spec);
    const std::size_t head = layout.head();
    const std::size_t behind_head = layout.parameter_count();
    const std::uint64_t whole = layout.value_count() * sizeof(float);
    const std::uint64_t headless = whole - (behind_head - head) * sizeof(float);
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error) {
        return fail(fmt::format("{}: cannot be read ({}); set `weights` to a file of weights",
                                path.string(), error.message()));
    }
    if (size != whole && (size != headless || size == 0)) {
        return fail(
            fmt::format("{}: has {} bytes; weights of this model have {}, or {} without "
                        "its dense layers at the end",
                        path.string(), size, whole, headless));
    }
    std::vector<float> values = initial_values(spec);
    std::ifstream file(path, std::ios::binary);
    const std::span<float> all(values);
    const bool read = size == whole ? read_into(file, all)
                                    : read_into(file, all.first(head)) &&
                                          read_into(file, all.subspan(behind_head));
    if (!read) {
        return fail(fmt::format("{}: cannot be read to its end; check that this user may read it",
                                path.string()));
    }
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [](float value) { return !std::isfinite(value); });
    if (bad != values.end()) {
        return fail(
            fmt::format("{}: value {} is not finite; weights are little-endian float32 "
                        "without a header",
                        path.string(), bad - values.begin()));
    }
    return values;
}

}  // namespace dynavg::training
