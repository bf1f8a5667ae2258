#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace dynavg::cli {

/// The state of a folder where a run is to go.
struct FolderState {
    enum class Kind : std::uint8_t {
        free,  ///< Nothing of a run, or one of the same description that did not come to its end.
        finished,  ///< This very run, complete.
        other      ///< Another run; `difference` says in what.
    };
    Kind kind = Kind::free;
    std::string difference;
};

/// `description` is the text of the run.json that the run would write.
[[nodiscard]] FolderState folder_state(const std::filesystem::path& folder,
                                       const std::string& description);

/// In what two texts of run.json differ: "averaging.threshold is 3.0 there and 1.0 here, ...", the
/// first few.
[[nodiscard]] std::string description_difference(const std::string& there, const std::string& here);

}  // namespace dynavg::cli
