#include "training/assembly/export.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "posix/replace_file.hpp"
#include "protocol/core/settings.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/posix_disk.hpp"
#include "training/assembly/learning.hpp"
#include "training/export/model_file.hpp"

namespace dynavg::assembly {

namespace {

/// A running daemon may remove a file between our listing and our reading; it keeps several.
constexpr int kReadsMax = 3;

Unexpected<Error> nothing_yet(const std::filesystem::path& state_dir) {
    return fail(
        fmt::format("{} holds no reference yet: one is kept there once the first round is over "
                    "(`dynavg rounds`)",
                    state_dir.string()));
}

/// The settings in which the configuration differs from the folder; empty if there are none.
std::string difference(const protocol::NetworkFields& kept, const config::Config& config,
                       const training::ModelSpec& spec) {
    const auto text_of = [&kept](const char* name) {
        const auto found = kept.find(name);
        return found == kept.end() ? std::string("unknown") : found->second;
    };
    if (const std::string network = text_of("network"); network != config.node.network) {
        return fmt::format("it is of network {}, not {}", network, config.node.network);
    }
    if (text_of("model.schema") != training::schema_digest(spec).hex()) {
        return fmt::format("its model is another {} than [model] and [data] source describe",
                           text_of("model"));
    }
    return "";
}

std::string about(const config::Config& config, const protocol::Reference& reference,
                  const std::string& version) {
    const nlohmann::ordered_json facts{
        {"network", config.node.network},      {"epoch", reference.epoch.value()},
        {"digest", reference.id.digest.hex()}, {"model", config.model.builtin},
        {"parameters", reference.parameters},  {"dynavg", version}};
    return facts.dump() + '\n';
}

}  // namespace

Expected<protocol::ReferencePointer, Error> read_kept_reference(
    const config::Config& config, const std::filesystem::path& state_dir) {
    const training::ModelSpec spec = model_spec(config);
    if (auto valid = training::validate(spec); !valid) return Unexpected<Error>(valid.error());
    auto disk = storage::PosixDisk::open_to_read(state_dir.string());
    if (!disk) return Unexpected<Error>(std::move(disk.error()));
    auto fields = storage::CheckpointStore::owner_of(**disk);
    if (!fields) return nothing_yet(state_dir);
    const auto averaging = protocol::averaging_from_fields(*fields);
    if (!averaging) {
        return fail(fmt::format("{}: {}", state_dir.string(), averaging.error().message));
    }
    if (const std::string problem = difference(*fields, config, spec); !problem.empty()) {
        return fail(
            fmt::format("{} does not fit {}: {}; name the configuration of the daemon "
                        "that owns the folder (--config)",
                        state_dir.string(), config.file, problem));
    }
    // Files are marked by what networks are compared by; the folder's owner is a node of it.
    fields->erase("node.name");
    const auto shape = training::shape_of(spec, averaging->monitor, averaging->outer.kind);
    storage::Found found;
    for (int read = 0; read < kReadsMax; ++read) {
        storage::CheckpointStore store(**disk, shape, storage::digest_of(*fields));
        found = store.load_reference();
        if (!found.fell_back) break;
    }
    if (found.refused) return Unexpected<Error>(std::move(*found.refused));
    if (found.reference) return found.reference;
    if (!found.fell_back) return nothing_yet(state_dir);
    return fail(found.events.empty() ? "no reference can be read in " + state_dir.string()
                                     : found.events.front().message);
}

Expected<void, Error> check_export_name(const std::filesystem::path& path) {
    if (training::model_format_of(path)) return {};
    return fail(fmt::format("{}: the name says the format; it must end in {}", path.string(),
                            training::kModelFormats));
}

Expected<void, Error> write_reference(const std::filesystem::path& path,
                                      const config::Config& config,
                                      const protocol::Reference& reference,
                                      const std::string& version) {
    if (auto named = check_export_name(path); !named) return named;
    const training::ModelLayout layout = training::layout_of(model_spec(config));
    const auto tensors = training::named_tensors(layout, reference.values);
    training::ZipFile file = training::model_file(*training::model_format_of(path), tensors,
                                                  about(config, reference, version));
    return posix::replace_file(path, file.finish(),
                               {.second_writer = posix::SecondWriter::is_refused});
}

}  // namespace dynavg::assembly
