#include "tools/cli/progress_bar.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cli/units.hpp"

namespace dynavg::cli {

namespace {

constexpr std::chrono::milliseconds kInterval(200);
constexpr int kBarWidth = 20;

std::size_t terminal_columns() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

std::string bar_of(double share) {
    return fmt::format("[{:<{}}] ", std::string(static_cast<std::size_t>(share * kBarWidth), '='),
                       kBarWidth);
}

}  // namespace

StatusLine::StatusLine() : m_is_terminal(isatty(STDERR_FILENO) == 1) {}

void StatusLine::show(const std::function<std::string(std::size_t columns)>& text) {
    const auto now = Clock::now();
    if (!m_is_terminal || now - m_drawn < kInterval) return;
    m_drawn = now;
    m_is_drawn = true;
    // The last column stays free: some terminals would begin a new line there.
    fmt::print(stderr, "\r{}\x1b[K", text(terminal_columns() - 1));
    std::fflush(stderr);
}

void StatusLine::clear() {
    if (!m_is_drawn) return;
    m_is_drawn = false;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
}

void ProgressBar::show(const simulation::Progress& progress) {
    const double seconds = std::chrono::duration<double>(Clock::now() - m_begin).count();
    m_line.show(
        [&](std::size_t columns) { return progress_line(progress, m_peers, seconds, columns); });
}

std::string progress_line(const simulation::Progress& progress, std::size_t peers, double seconds,
                          std::size_t columns) {
    const double steps = static_cast<double>(std::max<std::uint64_t>(1, progress.steps));
    const double done = static_cast<double>(progress.step);
    const double share = std::min(1.0, done / steps);
    const double rate = seconds > 0 ? done / seconds : 0;
    const std::string bar = bar_of(share);
    std::string line = fmt::format("{:3.0f} %  step {}/{}  {} rounds", std::floor(100 * share),
                                   progress.step, progress.steps, progress.rounds);
    if (progress.accuracy_mean) line += fmt::format("  accuracy {:.4f}", *progress.accuracy_mean);
    line += fmt::format("  {:.0f} steps/s", rate * static_cast<double>(peers));
    if (rate > 0) line += fmt::format("  {} left", duration_text((steps - done) / rate));
    // The bar says least.
    return bar.size() + line.size() <= columns ? bar + line : line.substr(0, columns);
}

std::string grid_line(const GridProgress& progress, double seconds, std::size_t columns) {
    const double runs = static_cast<double>(std::max<std::size_t>(1, progress.runs));
    const double done =
        std::min(runs, static_cast<double>(progress.ended) + progress.running_share);
    std::string line = bar_of(done / runs) +
                       fmt::format("{:3.0f} %  run {} of {}", std::floor(100 * done / runs),
                                   progress.finished_before +
                                       std::min(progress.runs, progress.ended + progress.running),
                                   progress.finished_before + progress.runs);
    if (done > 0) {
        line += fmt::format("  {} left", duration_text(seconds * (runs - done) / done));
    }
    return (line + "  " + progress.current).substr(0, columns);
}

}  // namespace dynavg::cli
