#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "simulation/experiment/recorder.hpp"

namespace dynavg::cli {

/// How a run in a child ended.
struct ChildEnd {
    enum class Kind : std::uint8_t { done, stopped, failed };
    Kind kind = Kind::failed;
    std::string text;  ///< The result of the run, or the reason why it failed.
};

/// Hears of children, by their index, in the process that started them.
class ChildListener {
public:
    virtual ~ChildListener() = default;
    virtual void on_start(std::size_t) {}
    virtual void on_progress(std::size_t, const simulation::Progress&) {}
    virtual void on_warning(std::size_t, const std::string&) {}
    virtual void on_end(std::size_t, const ChildEnd&) {}
};

/// The work of a child; the listener's progress and warnings reach the parent.
using ChildRun = std::function<Expected<ChildEnd, Error>(simulation::ExperimentListener&)>;

/// Runs each in a process of its own, so many at a time, in their order: LibTorch works for one
/// experiment per process, and a run that crashes takes no other with it. The calling process has
/// one thread and has computed nothing yet. Once was_interrupted(), nothing is started any more,
/// and those that run are asked to stop; they end with their parent, too.
void run_children(const std::vector<ChildRun>& runs, std::size_t jobs, ChildListener& listener);

}  // namespace dynavg::cli
