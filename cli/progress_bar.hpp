#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "simulation/recorder.hpp"

namespace dynavg::cli {

/// One line on a terminal that is drawn over, at most a few times a second; nothing where standard
/// error is none.
class ProgressBar {
public:
    explicit ProgressBar(std::size_t peers);
    void show(const simulation::Progress& progress);
    /// Before anything else is printed, and at the end.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    std::size_t m_peers;
    bool m_is_terminal;
    bool m_is_drawn = false;
    Clock::time_point m_begin = Clock::now();
    Clock::time_point m_drawn{};
};

/// "[=====     ]  52 %  step 1950/3750  ...", at most `columns` wide; the bar is left out where it
/// does not fit. `peers` steps are made per parallel step, `seconds` have passed.
[[nodiscard]] std::string progress_line(const simulation::Progress& progress, std::size_t peers,
                                        double seconds, std::size_t columns);

}  // namespace dynavg::cli
