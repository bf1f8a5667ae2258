#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "protocol/base/expected.hpp"
#include "simulation/experiment/results.hpp"

namespace dynavg::simulation {

/// The files of one experiment in its folder: run.json, which says what is run; epochs.csv and
/// rounds.csv, which grow by whole lines while it runs, and checks.csv where there are checks; and
/// summary.json, which is there only once it is complete. Files of an earlier run in the folder are
/// replaced. Errors name the file and what the system said.
class ResultFiles {
public:
    /// Makes the folder and begins both tables.
    [[nodiscard]] static Expected<ResultFiles, Error> create(const std::filesystem::path& folder);

    /// Writes run.json; see description_text().
    [[nodiscard]] Expected<void, Error> describe(const std::string& text);
    [[nodiscard]] Expected<void, Error> add(const EpochRow& row);
    [[nodiscard]] Expected<void, Error> add(const RoundRow& row);
    /// Begins its table with the first.
    [[nodiscard]] Expected<void, Error> add(const CheckRow& row);
    [[nodiscard]] Expected<void, Error> finish(const Summary& summary);

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    struct Table {
        std::filesystem::path path;
        std::unique_ptr<std::FILE, Close> file;
    };

    ResultFiles(std::filesystem::path folder, Table epochs, Table rounds);
    [[nodiscard]] static Expected<Table, Error> begin(const std::filesystem::path& path,
                                                      const std::string& header);
    /// A reader of the folder never sees half of the file.
    [[nodiscard]] Expected<void, Error> write_whole(const std::string& name,
                                                    const std::string& text);
    [[nodiscard]] static Expected<void, Error> append(Table& table, const std::string& line);

    std::filesystem::path m_folder;
    Table m_epochs;
    Table m_rounds;
    std::optional<Table> m_checks;
};

/// The text of summary.json.
[[nodiscard]] std::string summary_text(const Summary& summary);

}  // namespace dynavg::simulation
