#pragma once

#include <string>

#include "simulation/experiment/experiment.hpp"

namespace dynavg::simulation {

/// The text of run.json: all that the results of a run depend on. Runs of equal texts have equal
/// results, on one type of processor with the same libraries.
[[nodiscard]] std::string description_text(const ExperimentOptions& options);

}  // namespace dynavg::simulation
