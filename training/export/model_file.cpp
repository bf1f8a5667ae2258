#include "training/export/model_file.hpp"

#include <bit>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/base/check.hpp"
#include "training/export/pickle.hpp"

namespace dynavg::training {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

namespace {

std::string pytorch_name(std::string_view name) {
    static constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
        {".kernel", ".weight"},
        {".gamma", ".weight"},
        {".beta", ".bias"},
        {".running_variance", ".running_var"}};
    for (const auto& [ours, theirs] : kEndings) {
        if (!name.ends_with(ours)) continue;
        name.remove_suffix(ours.size());
        return std::string(name).append(theirs);
    }
    return std::string(name);
}

/// NumPy's format 1.0: magic, length of a header, header, values. The values begin at a multiple of
/// 64, as they do in the archive.
std::string array_header(const std::vector<std::size_t>& shape) {
    constexpr std::size_t kMagicBytes = 10;
    std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                    fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
    const std::size_t used = kMagicBytes + header.size() + 1;
    header.append((ZipFile::kAlignment - used % ZipFile::kAlignment) % ZipFile::kAlignment, ' ');
    header += '\n';
    const auto size = static_cast<std::uint16_t>(header.size());
    std::string magic("\x93NUMPY\x01\x00", 8);
    magic += static_cast<char>(size & 0xffU);
    magic += static_cast<char>(size >> 8U);
    return magic + header;
}

/// An entry is one piece: header and values are copied together.
std::string array_text(const NamedTensor& tensor) {
    std::string text = array_header(tensor.shape);
    text.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size_bytes());
    return text;
}

}  // namespace

std::optional<ModelFormat> model_format_of(const std::filesystem::path& path) {
    const std::string ending = path.extension().string();
    if (ending == ".pt" || ending == ".pth") return ModelFormat::pytorch;
    if (ending == ".npz") return ModelFormat::numpy;
    return std::nullopt;
}

std::vector<NamedTensor> named_tensors(const ModelLayout& layout, std::span<const float> values) {
    DYNAVG_CHECK(values.size() == layout.value_count());
    std::vector<NamedTensor> tensors;
    std::size_t offset = 0;
    for (const auto* infos : {&layout.parameters, &layout.buffers}) {
        for (const ParameterInfo& info : *infos) {
            tensors.push_back(
                {pytorch_name(info.name), info.shape, values.subspan(offset, info.size())});
            offset += info.size();
        }
    }
    return tensors;
}

ZipFile model_file(ModelFormat format, const std::vector<NamedTensor>& tensors, std::string about) {
    ZipFile file;
    if (format == ModelFormat::numpy) {
        for (const NamedTensor& tensor : tensors) {
            file.add(tensor.name + ".npy", array_text(tensor));
        }
        file.add(kAboutName, std::move(about));
        return file;
    }
    // PyTorch wants all within one folder, whatever its name, and "version" to be its format's.
    file.add("model/data.pkl", pickled_state_dict(tensors));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        file.add(fmt::format("model/data/{}", i), std::as_bytes(tensors[i].values));
    }
    file.add("model/version", std::string("3\n"));
    file.add(fmt::format("model/{}", kAboutName), std::move(about));
    return file;
}

}  // namespace dynavg::training
