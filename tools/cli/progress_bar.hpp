#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "simulation/experiment/recorder.hpp"

namespace dynavg::cli {

/// One line on a terminal that is drawn over, at most a few times a second; nothing where standard
/// error is none.
class StatusLine {
public:
    StatusLine();
    /// Asks for the text, of at most so many columns, if it is time.
    void show(const std::function<std::string(std::size_t columns)>& text);
    /// Before anything else is printed, and at the end.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    bool m_is_terminal;
    bool m_is_drawn = false;
    Clock::time_point m_drawn{};
};

/// The line of one run.
class ProgressBar {
public:
    explicit ProgressBar(std::size_t peers) : m_peers(peers) {}
    void show(const simulation::Progress& progress);
    void clear() { m_line.clear(); }

private:
    using Clock = std::chrono::steady_clock;

    std::size_t m_peers;
    StatusLine m_line;
    Clock::time_point m_begin = Clock::now();
};

/// "[=====     ]  52 %  step 1950/3750  ...", at most `columns` wide; the bar is left out where it
/// does not fit. `peers` steps are made per parallel step, `seconds` have passed.
[[nodiscard]] std::string progress_line(const simulation::Progress& progress, std::size_t peers,
                                        double seconds, std::size_t columns);

/// How far many runs are.
struct GridProgress {
    std::size_t finished_before = 0;  ///< They are no part of the share and of the time left.
    std::size_t runs = 0;             ///< The others.
    std::size_t ended = 0;
    std::size_t running = 0;
    double running_share = 0;  ///< Of each that runs, the share of its steps that is done; summed.
    std::string current;       ///< The work of one of them.
};

/// "[==   ]  12 %  run 5 of 35  2 h 07 min left  linear-threshold-3-seed-1 step 10/100", at most
/// `columns` wide. The time left supposes that runs take equally long.
[[nodiscard]] std::string grid_line(const GridProgress& progress, double seconds,
                                    std::size_t columns);

}  // namespace dynavg::cli
