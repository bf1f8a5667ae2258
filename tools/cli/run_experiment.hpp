#pragma once

#include <filesystem>

#include "protocol/base/expected.hpp"
#include "simulation/experiment/experiment.hpp"

namespace dynavg::cli {

/// The first SIGINT or SIGTERM from now on sets was_interrupted(), a second one ends the process.
void listen_to_signals();
[[nodiscard]] bool was_interrupted();

/// Runs an experiment and writes its files into the folder, as it goes. `watcher` hears of faults,
/// progress and warnings (of the first few, and of how many there were), and may stop the run; a
/// signal stops it too, and then there is no summary.json. An experiment whose files can't be
/// written fails.
[[nodiscard]] Expected<simulation::Outcome, Error> run_in_folder(
    const simulation::ExperimentOptions& options, const std::filesystem::path& folder,
    simulation::ExperimentListener& watcher);

}  // namespace dynavg::cli
