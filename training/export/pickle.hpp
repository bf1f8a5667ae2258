#pragma once

#include <string>
#include <vector>

#include "training/export/model_file.hpp"

namespace dynavg::training {

/// The pickle that torch.save() makes of an OrderedDict of contiguous float tensors, the i-th of
/// which has storage "i". Only written, never read: a pickle is a program. Uses nothing that
/// torch.load(weights_only=True) refuses.
[[nodiscard]] std::string pickled_state_dict(const std::vector<NamedTensor>& tensors);

}  // namespace dynavg::training
