#include "training/assembly/export.hpp"

#include <filesystem>
#include <fstream>

#include "protocol/core/settings.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/posix_disk.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/cli/run_program.hpp"
#include "training/assembly/learning.hpp"

using namespace dynavg;
using namespace dynavg::assembly;
using test::TemporaryFolder;

namespace {

const std::string kNetwork =
    "[data]\nsource = \"synthetic-digits\"\n[averaging]\nmonitor = \"linear\"\n"
    "outer_optimizer = \"momentum\"\n";

config::Config parsed(const std::string& text) {
    const auto config = config::parse_config("[node]\nnetwork = \"robots\"\n" + text, "a.toml");
    if (!config) FAIL(config.error().message);
    return *config;
}

bool says(const Error& error, const std::string& text) {
    return error.message.find(text) != std::string::npos;
}

/// The files that a daemon of this configuration leaves on its disk after rounds up to `last`. It
/// goes on holding the folder.
std::unique_ptr<storage::PosixDisk> keep(const TemporaryFolder& folder,
                                         const config::Config& config, std::uint32_t last) {
    const auto initial = make_initial_reference(config, config.averaging).value();
    auto disk = storage::PosixDisk::open(folder.path().string()).value();
    const protocol::NetworkFields fields = network_fields(config, *initial);
    protocol::NetworkFields owner = fields;
    owner["node.name"] = "node-a";
    REQUIRE(storage::CheckpointStore::claim(*disk, owner).has_value());
    storage::CheckpointStore store(*disk, initial->shape(), storage::digest_of(fields));
    (void)store.load();
    std::vector<protocol::HistoryEntry> history{{initial->id, {}, {}}};
    const protocol::Roster roster{{0, protocol::PeerId::from_name("a"), protocol::Incarnation(1)}};
    for (std::uint32_t epoch = 1; epoch <= last; ++epoch) {
        const auto reference = protocol::make_next_reference(
            *initial, protocol::Epoch(epoch),
            std::vector<float>(initial->values.size(), static_cast<float>(epoch)),
            protocol::outer_rules(config.averaging));
        history.push_back({reference->id, roster, {}});
        REQUIRE(store.commit(*reference, history).has_value());
    }
    return disk;
}

}  // namespace

TEST_CASE("the newest reference is read out of a folder that a daemon holds", "[export]") {
    const TemporaryFolder folder;
    // The reader has its settings from the folder, as a joiner has.
    const config::Config config = parsed("[data]\nsource = \"synthetic-digits\"\n");
    const auto held = keep(folder, parsed(kNetwork), 4);
    const auto reference = read_kept_reference(config, folder.path());
    REQUIRE(reference.has_value());
    CHECK((*reference)->epoch == protocol::Epoch(4));
    CHECK((*reference)->outer.size() == (*reference)->parameters);

    // A newer one that is damaged is passed over; if none is sound that is told.
    std::filesystem::resize_file(folder / "reference-4", 1000);
    CHECK((*read_kept_reference(config, folder.path()))->epoch == protocol::Epoch(3));
    for (const char* name : {"reference-3", "reference-2"}) {
        std::filesystem::resize_file(folder / name, 1000);
    }
    const auto none = read_kept_reference(config, folder.path());
    REQUIRE_FALSE(none.has_value());
    CHECK(says(none.error(), "reference-4 cannot be used"));
}

TEST_CASE("why no reference can be read is told", "[export]") {
    const TemporaryFolder folder;
    const config::Config config = parsed(kNetwork);
    const auto problem = [&](const config::Config& reader, const std::filesystem::path& path) {
        const auto reference = read_kept_reference(reader, path);
        REQUIRE_FALSE(reference.has_value());
        return reference.error();
    };
    CHECK(says(problem(config, folder / "none"), "name the folder of a dynavgd"));
    CHECK(says(problem(config, folder.path()), "holds no reference yet"));
    const auto held = keep(folder, config, 0);
    CHECK(says(problem(config, folder.path()), "holds no reference yet"));
    config::Config other = config;
    other.node.network = "others";
    CHECK(says(problem(other, folder.path()), "it is of network robots, not others"));
    const auto mlp = parsed(kNetwork + "[model]\nbuiltin = \"mlp\"\n");
    CHECK(says(problem(mlp, folder.path()), "its model is another lenet5"));
}

TEST_CASE("a reference becomes a file that says what it is", "[export]") {
    const TemporaryFolder folder;
    const config::Config config = parsed(kNetwork);
    const auto reference = make_initial_reference(config, config.averaging).value();
    for (const char* name : {"model.pt", "model.npz"}) {
        CAPTURE(name);
        const auto path = folder / name;
        REQUIRE(write_reference(path, config, *reference, "1.2.3").has_value());
        const auto about = cli::run_program(
            "python3 -c \"import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); "
            "print(z.read(z.namelist()[-1]).decode(), end='')\" " +
            path.string());
        CHECK(about.output == "{\"network\":\"robots\",\"epoch\":0,\"digest\":\"" +
                                  reference->id.digest.hex() +
                                  "\",\"model\":\"lenet5\",\"parameters\":61706,"
                                  "\"dynavg\":\"1.2.3\"}\n");
    }
    const auto wrong = write_reference(folder / "model.onnx", config, *reference, "1.2.3");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(says(wrong.error(), "must end in .pt or .pth (PyTorch), or .npz (NumPy)"));
}
