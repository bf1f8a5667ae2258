#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/report/run.hpp"

namespace dynavg::report {

/// The texts of a run's files; nothing where one is missing.
struct RunTexts {
    std::optional<std::string> run;      ///< run.json
    std::optional<std::string> summary;  ///< summary.json
    std::optional<std::string> epochs;   ///< epochs.csv
    std::optional<std::string> rounds;   ///< rounds.csv
};

/// Reads what can be read; the rest is told in Run::problems. Fields and columns that are not known
/// here are no problem. Without summary.json a run is not finished, and a cut last line is normal.
[[nodiscard]] Run read_run(const RunTexts& texts, const std::filesystem::path& folder,
                           const std::string& name);

}  // namespace dynavg::report
