#include "training/export/model_file.hpp"

#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include "tests/temporary_folder.hpp"
#include "tests/tools/cli/run_program.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

void write(const std::filesystem::path& path, ZipFile file) {
    std::ofstream stream(path, std::ios::binary);
    for (const auto& part : file.finish()) {
        stream.write(reinterpret_cast<const char*>(part.data()),
                     static_cast<std::streamsize>(part.size()));
    }
}

/// The output of read_model_file.py for them.
std::string text_of(const std::vector<NamedTensor>& tensors, const std::string& about) {
    std::string text;
    for (const NamedTensor& tensor : tensors) {
        const auto bytes = std::as_bytes(tensor.values);
        text += fmt::format("{} {} {}\n", tensor.name, fmt::join(tensor.shape, "x"),
                            crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    }
    return text + about;
}

}  // namespace

TEST_CASE("a model's file is read back by Python, tensor by tensor", "[export]") {
    const test::TemporaryFolder directory;
    const auto [spec, ending] = GENERATE(
        std::pair(ModelSpec{}, ".pt"), std::pair(ModelSpec{}, ".npz"),
        std::pair(ModelSpec{.builtin = "densenet121", .input = {3, 32, 32}}, ".pth"),
        std::pair(ModelSpec{.builtin = "densenet121", .input = {3, 32, 32}}, ".npz"),
        std::pair(ModelSpec{.builtin = "convnext", .size = "atto", .input = {3, 32, 32}}, ".pt"));
    CAPTURE(spec.builtin, ending);
    const ModelLayout layout = layout_of(spec);
    const auto values = random_values(layout.value_count(), 3);
    const auto tensors = named_tensors(layout, values);
    const std::string about = "{\"epoch\":7}\n";
    const auto path = directory.path() / (std::string("model") + ending);
    const auto format = model_format_of(path);
    REQUIRE(format.has_value());

    write(path, model_file(*format, tensors, about));

    const auto read =
        cli::run_program(DYNAVG_TEST_FOLDER "/export/read_model_file.py " + path.string());
    CHECK(read.output == text_of(tensors, about));
    CHECK(read.code == 0);
}

TEST_CASE("tensors have the names of PyTorch's layers, and cover the flat vector", "[export]") {
    const ModelSpec spec{.builtin = "densenet121", .input = {3, 32, 32}};
    const ModelLayout layout = layout_of(spec);
    const auto values = random_values(layout.value_count(), 3);
    const auto tensors = named_tensors(layout, values);
    REQUIRE(tensors.size() == layout.parameters.size() + layout.buffers.size());
    CHECK(tensors[0].name == "conv1.weight");
    CHECK(tensors[0].shape == std::vector<std::size_t>{64, 3, 7, 7});
    CHECK(tensors[1].name == "norm1.weight");
    CHECK(tensors[2].name == "norm1.bias");
    CHECK(tensors[layout.parameters.size()].name == "norm1.running_mean");
    CHECK(tensors[layout.parameters.size() + 1].name == "norm1.running_var");
    std::size_t offset = 0;
    for (const NamedTensor& tensor : tensors) {
        CHECK(tensor.values.data() == values.data() + offset);
        offset += tensor.values.size();
    }
    CHECK(offset == values.size());
}

TEST_CASE("a file's name says its format", "[export]") {
    CHECK(model_format_of("a/model.pt") == ModelFormat::pytorch);
    CHECK(model_format_of("model.pth") == ModelFormat::pytorch);
    CHECK(model_format_of("model.v2.npz") == ModelFormat::numpy);
    for (const char* name : {"model", "model.onnx", "model.pt.gz", ".pt", ""}) {
        CAPTURE(name);
        CHECK_FALSE(model_format_of(name).has_value());
    }
}

}  // namespace dynavg::training::tests
