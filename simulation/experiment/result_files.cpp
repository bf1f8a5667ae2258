#include "simulation/experiment/result_files.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "posix/replace_file.hpp"

namespace dynavg::simulation {

namespace {

constexpr const char* kEpochHeader =
    "epoch,step,rounds,accuracy_reference,accuracy_mean,train_loss,bytes_monitoring,"
    "bytes_averaging\n";
constexpr const char* kRoundHeader =
    "round,step,estimate,exact_variance,threshold,participants,duration_ms,bytes,reason\n";

constexpr const char* kCheckHeader = "step,estimate,exact_variance,threshold\n";

Unexpected<Error> unwritable(const std::filesystem::path& path, const std::string& why) {
    return fail(fmt::format("{} can't be written: {}", path.string(), why));
}

/// Without test data the column stays empty.
std::string cell(const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : "";
}

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

}  // namespace

ResultFiles::ResultFiles(std::filesystem::path folder, Table epochs, Table rounds)
    : m_folder(std::move(folder)), m_epochs(std::move(epochs)), m_rounds(std::move(rounds)) {}

Expected<ResultFiles, Error> ResultFiles::create(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return unwritable(folder, error.message());
    // Files of another run would deceive beside this one's tables.
    for (const char* name : {"summary.json", "checks.csv"}) {
        std::filesystem::remove(folder / name, error);
        if (error) return unwritable(folder / name, error.message());
    }
    auto epochs = begin(folder / "epochs.csv", kEpochHeader);
    if (!epochs) return Unexpected<Error>(epochs.error());
    auto rounds = begin(folder / "rounds.csv", kRoundHeader);
    if (!rounds) return Unexpected<Error>(rounds.error());
    return ResultFiles(folder, std::move(*epochs), std::move(*rounds));
}

Expected<ResultFiles::Table, Error> ResultFiles::begin(const std::filesystem::path& path,
                                                       const std::string& header) {
    Table table{path, std::unique_ptr<std::FILE, Close>(std::fopen(path.c_str(), "w"))};
    if (!table.file) return unwritable(path, std::strerror(errno));
    if (auto written = append(table, header); !written) return Unexpected<Error>(written.error());
    return table;
}

/// Flushed, so that a run that is killed leaves whole lines.
Expected<void, Error> ResultFiles::append(Table& table, const std::string& line) {
    const bool written = std::fputs(line.c_str(), table.file.get()) >= 0;
    if (!written || std::fflush(table.file.get()) != 0) {
        return unwritable(table.path, std::strerror(errno));
    }
    return {};
}

Expected<void, Error> ResultFiles::add(const EpochRow& row) {
    return append(m_epochs,
                  fmt::format("{:g},{},{},{},{},{},{},{}\n", row.epoch, row.step, row.rounds,
                              cell(row.accuracy_reference), cell(row.accuracy_mean), row.train_loss,
                              row.bytes_monitoring, row.bytes_averaging));
}

Expected<void, Error> ResultFiles::add(const RoundRow& row) {
    return append(m_rounds, fmt::format("{},{},{},{},{},{},{},{},{}\n", row.round, row.step,
                                        row.estimate, row.exact_variance, row.threshold,
                                        row.participants, row.duration_ms, row.bytes, row.reason));
}

Expected<void, Error> ResultFiles::add(const CheckRow& row) {
    if (!m_checks) {
        auto table = begin(m_folder / "checks.csv", kCheckHeader);
        if (!table) return Unexpected<Error>(table.error());
        m_checks = std::move(*table);
    }
    return append(*m_checks, fmt::format("{},{},{},{}\n", row.step, row.estimate,
                                         row.exact_variance, row.threshold));
}

Expected<void, Error> ResultFiles::describe(const std::string& text) {
    return write_whole("run.json", text);
}

Expected<void, Error> ResultFiles::finish(const Summary& summary) {
    return write_whole("summary.json", summary_text(summary));
}

Expected<void, Error> ResultFiles::write_whole(const std::string& name, const std::string& text) {
    return posix::replace_file(m_folder / name, text);
}

nlohmann::ordered_json json_of(const std::optional<CheckStatistics>& checks) {
    if (!checks) return {};
    return {{"steps", checks->checks},
            {"estimate_below_variance", checks->below},
            {"estimate_to_variance_min", checks->ratio_min}};
}

/// As in a configuration.
nlohmann::ordered_json threshold_of(const Summary& summary) {
    if (summary.threshold_target) return "auto";
    return summary.threshold;
}

std::string summary_text(const Summary& summary) {
    const nlohmann::ordered_json json{
        {"peers", summary.peers},
        {"steps", summary.steps},
        {"epochs", summary.epochs},
        {"rounds", summary.rounds},
        {"balancings", summary.balancings},
        {"balanced_models", summary.balanced_models},
        {"parameters", summary.parameters},
        {"model", summary.model},
        {"monitor", summary.monitor},
        {"threshold", threshold_of(summary)},
        {"initial_threshold", summary.threshold},
        {"threshold_target", or_null(summary.threshold_target)},
        {"outer_optimizer", summary.outer_optimizer},
        {"weights", summary.weights},
        {"pace", summary.pace},
        {"bytes_monitoring", summary.bytes_monitoring},
        {"bytes_averaging", summary.bytes_averaging},
        {"bytes_balancing", summary.bytes_balancing},
        {"bytes_overhead", summary.bytes_overhead},
        {"bytes_total", summary.bytes_total()},
        {"bytes_paper", summary.bytes_paper},
        {"accuracy_reference", or_null(summary.accuracy_reference)},
        {"accuracy_mean", or_null(summary.accuracy_mean)},
        {"digest", summary.digest},
        {"virtual_s", summary.virtual_s},
        {"wall_s", summary.wall_s},
        {"target_accuracy", or_null(summary.target_accuracy)},
        {"reached_target", or_null(summary.reached_target)},
        {"checks", json_of(summary.checks)},
        {"seed", summary.seed},
        {"model_seed", summary.model_seed},
        {"faults", or_null(summary.faults)},
    };
    return json.dump(2) + "\n";
}

}  // namespace dynavg::simulation
