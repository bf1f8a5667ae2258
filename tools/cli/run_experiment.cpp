#include "tools/cli/run_experiment.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>

#include <fmt/format.h>

#include "simulation/experiment/description.hpp"
#include "simulation/experiment/result_files.hpp"
#include "training/process.hpp"

namespace dynavg::cli {

using simulation::EpochRow;
using simulation::RoundRow;

namespace {

/// More warnings than these are only counted.
constexpr std::uint64_t kWarningsMax = 10;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// Writes rows as they come, and keeps the first error: without its files a run is worth nothing.
class Listener final : public simulation::ExperimentListener {
public:
    Listener(simulation::ResultFiles& files, simulation::ExperimentListener& watcher)
        : m_files(files), m_watcher(watcher) {}

    void on_faults(const std::string& schedule) override { m_watcher.on_faults(schedule); }
    void on_epoch(const EpochRow& row) override { note(m_files.add(row)); }
    void on_round(const RoundRow& row) override { note(m_files.add(row)); }
    void on_check(const simulation::CheckRow& row) override { note(m_files.add(row)); }
    void on_progress(const simulation::Progress& progress) override {
        m_watcher.on_progress(progress);
    }
    void on_warning(const std::string& sentence) override {
        if (++m_warnings <= kWarningsMax) m_watcher.on_warning(sentence);
    }
    [[nodiscard]] bool wants_to_stop() override {
        return interrupted || m_error || m_watcher.wants_to_stop();
    }

    void end() {
        if (m_warnings > kWarningsMax) {
            m_watcher.on_warning(fmt::format("{} more such warnings", m_warnings - kWarningsMax));
        }
    }
    [[nodiscard]] const std::optional<Error>& error() const { return m_error; }

private:
    void note(const Expected<void, Error>& written) {
        if (!written && !m_error) m_error = written.error();
    }

    simulation::ResultFiles& m_files;
    simulation::ExperimentListener& m_watcher;
    std::uint64_t m_warnings = 0;
    std::optional<Error> m_error;
};

}  // namespace

void listen_to_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() {
    return interrupted;
}

Expected<simulation::Outcome, Error> run_in_folder(const simulation::ExperimentOptions& options,
                                                   const std::filesystem::path& folder,
                                                   simulation::ExperimentListener& watcher) {
    using Failed = Unexpected<Error>;
    auto files = simulation::ResultFiles::create(folder);
    if (!files) return Failed(files.error());
    const auto described = files->describe(simulation::description_text(options));
    if (!described) return Failed(described.error());
    training::configure_process(1);
    const auto begin = std::chrono::steady_clock::now();
    Listener listener(*files, watcher);
    auto outcome = simulation::run_experiment(options, listener);
    listener.end();
    if (!outcome) return outcome;
    if (listener.error()) return Failed(*listener.error());
    if (outcome->stopped) return outcome;
    outcome->summary.wall_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (const auto written = files->finish(outcome->summary); !written) {
        return Failed(written.error());
    }
    return outcome;
}

}  // namespace dynavg::cli
