#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/export/zip_file.hpp"
#include "training/models/layout.hpp"

/// Models as files that other programs read. Nothing here needs LibTorch.
namespace dynavg::training {

enum class ModelFormat : std::uint8_t {
    pytorch,  ///< A state_dict, as torch.save() writes it and torch.load() reads it.
    numpy,    ///< An archive of arrays, as numpy.savez() writes it.
};

/// By the ending of its name: .pt and .pth, .npz.
[[nodiscard]] std::optional<ModelFormat> model_format_of(const std::filesystem::path& path);
/// For messages: "end its name in .pt or .pth (PyTorch) or .npz (NumPy)".
inline constexpr const char* kModelFormats = ".pt or .pth (PyTorch), or .npz (NumPy)";

/// A part of the flat vector, as PyTorch would call it. Borrowed.
struct NamedTensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::span<const float> values;
};

/// Parameters, then buffers. The names are those that PyTorch's layers give their own: a kernel and
/// a gamma become `weight`, a beta becomes `bias`, a running_variance `running_var`; "conv1",
/// "dense2" and "norm3" stay. So a torch.nn.Module whose members have these names loads the file.
/// `values` are as long as the layout says.
[[nodiscard]] std::vector<NamedTensor> named_tensors(const ModelLayout& layout,
                                                     std::span<const float> values);

/// Name of the entry in which `about` lies: "model/dynavg.json" of PyTorch's, "dynavg.json" of
/// NumPy's. `unzip -p FILE '*dynavg.json'` prints it.
inline constexpr const char* kAboutName = "dynavg.json";

/// The archive; finish() it to write it. `about` describes the model, as JSON; it goes into an
/// entry of its own, which readers of tensors pass over. Borrows the tensors' values.
[[nodiscard]] ZipFile model_file(ModelFormat format, const std::vector<NamedTensor>& tensors,
                                 std::string about);

}  // namespace dynavg::training
