#include "cli/progress_bar.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/units.hpp"

namespace dynavg::cli {

namespace {

constexpr std::chrono::milliseconds kInterval(200);
constexpr int kBarWidth = 20;

std::size_t terminal_columns() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(std::size_t peers)
    : m_peers(peers), m_is_terminal(isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(const simulation::Progress& progress) {
    const auto now = Clock::now();
    if (!m_is_terminal || now - m_drawn < kInterval) return;
    m_drawn = now;
    m_is_drawn = true;
    const double seconds = std::chrono::duration<double>(now - m_begin).count();
    // The last column stays free: some terminals would begin a new line there.
    fmt::print(stderr, "\r{}\x1b[K",
               progress_line(progress, m_peers, seconds, terminal_columns() - 1));
    std::fflush(stderr);
}

void ProgressBar::clear() {
    if (!m_is_drawn) return;
    m_is_drawn = false;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
}

std::string progress_line(const simulation::Progress& progress, std::size_t peers, double seconds,
                          std::size_t columns) {
    const double steps = static_cast<double>(std::max<std::uint64_t>(1, progress.steps));
    const double done = static_cast<double>(progress.step);
    const double share = std::min(1.0, done / steps);
    const double rate = seconds > 0 ? done / seconds : 0;
    const std::string bar = fmt::format(
        "[{:<{}}] ", std::string(static_cast<std::size_t>(share * kBarWidth), '='), kBarWidth);
    std::string line = fmt::format("{:3.0f} %  step {}/{}  {} rounds", std::floor(100 * share),
                                   progress.step, progress.steps, progress.rounds);
    if (progress.accuracy_mean) line += fmt::format("  accuracy {:.4f}", *progress.accuracy_mean);
    line += fmt::format("  {:.0f} steps/s", rate * static_cast<double>(peers));
    if (rate > 0) line += fmt::format("  {} left", duration_text((steps - done) / rate));
    // The bar says least.
    return bar.size() + line.size() <= columns ? bar + line : line.substr(0, columns);
}

}  // namespace dynavg::cli
