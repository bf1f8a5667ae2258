#pragma once

#include <filesystem>
#include <vector>

#include "protocol/base/expected.hpp"
#include "training/models/model_spec.hpp"

namespace dynavg::training {

/// Reads the initial values of a model: little-endian float32 without a header, in the order of
/// layout_of(), parameters then buffers. The file holds either all values or all but the head's
/// (the dense layers at the end), which then begin as initial_values() has them: so weights that
/// were learned on other classes serve too. Fails, with what to change, on any other size and on
/// numbers that are not finite. Cost: memory for the values, one pass.
[[nodiscard]] Expected<std::vector<float>, Error> read_weights(const std::filesystem::path& path,
                                                               const ModelSpec& spec);

}  // namespace dynavg::training
