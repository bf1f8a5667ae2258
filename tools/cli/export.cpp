#include "tools/cli/export.hpp"

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "control/escape.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/node_setup.hpp"
#include "tools/cli/verb.hpp"
#include "training/assembly/export.hpp"

namespace dynavg::cli {

namespace {

struct ExportOptions {
    std::filesystem::path out;
    std::filesystem::path config = kDefaultConfig;
    std::filesystem::path state;  ///< Empty: as the configuration says.
    bool json = false;
};

void print(const ExportOptions& options, const config::Config& config,
           const protocol::Reference& reference) {
    if (options.json) {
        const nlohmann::json printed{{"file", options.out.string()},
                                     {"network", config.node.network},
                                     {"epoch", reference.epoch.value()},
                                     {"digest", reference.id.digest.hex()}};
        std::fputs(control::to_line(printed).c_str(), stdout);
        return;
    }
    fmt::print("{}: reference {} of network {}, digest {}\n",
               control::escaped(options.out.string()), reference.epoch.value(), config.node.network,
               reference.id.digest.hex());
}

ExitCode run(const ExportOptions& options) {
    if (const auto named = assembly::check_export_name(options.out); !named) {
        complain(named.error().message);
        return ExitCode::wrong_arguments;
    }
    const auto config = load_daemon_config(options.config);
    if (!config) {
        complain(config.error().message);
        return config.error().code;
    }
    const auto state = options.state.empty() ? config->node.state_dir : options.state;
    const auto reference = assembly::read_kept_reference(*config, state);
    if (!reference) {
        complain(reference.error().message);
        return ExitCode::failed;
    }
    const auto written =
        assembly::write_reference(options.out, *config, **reference, DYNAVG_VERSION);
    if (!written) {
        complain(written.error().message);
        return ExitCode::failed;
    }
    print(options, *config, **reference);
    return ExitCode::done;
}

}  // namespace

int export_main(int argc, char** argv) {
    CLI::App app(
        "Writes the network's newest reference, the common model, to a file that other programs "
        "read",
        "dynavg export");
    app.set_version_flag("--version", "dynavg " DYNAVG_VERSION);
    app.footer(
        "It reads the state folder of this machine's daemon, which may run or not; so do it as "
        "root, or as\nthe user of the daemon. FILE appears as a whole, or stays as it was.\n\n"
        "  .pt, .pth  a state_dict for PyTorch: model.load_state_dict(torch.load(FILE)), where "
        "the\n"
        "             module's members are named conv1, dense1, norm1, ...\n"
        "  .npz       arrays of the same names for NumPy: numpy.load(FILE)\n\n"
        "What it is, `unzip -p FILE '*dynavg.json'` tells: network, epoch, digest.\n\n"
        "Example:\n  dynavg export --out model.pt\n"
        "  dynavg export --config /etc/dynavg/node-a.toml --out model.npz\n\n"
        "Exit codes: 0 done, 1 failed, 2 wrong arguments, 6 invalid configuration.");
    ExportOptions options;
    app.add_option("--out", options.out, "Where to write it")->required()->type_name("FILE");
    app.add_option("--config", options.config, "The node's configuration")
        ->capture_default_str()
        ->type_name("FILE");
    app.add_option("--state", options.state, "Its state folder; default: as the file says")
        ->type_name("FOLDER");
    app.add_flag("--json", options.json, "Print what was written as JSON");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version end here too, with 0.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::wrong_arguments);
    }
    ExitCode result = run(options);
    if (std::fflush(stdout) != 0 && result == ExitCode::done) result = ExitCode::failed;
    return static_cast<int>(result);
}

}  // namespace dynavg::cli
