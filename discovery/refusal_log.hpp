#pragma once

#include <map>
#include <string>
#include <vector>

#include "discovery/actions.hpp"

namespace dynavg::discovery {

/// Decides which refusals are worth a line: each peer's once, then at most every ten minutes or
/// when the reason changes, and all together a bounded number.
class RefusalLog {
public:
    [[nodiscard]] bool worth_a_line(const std::string& subject,
                                    const std::vector<std::string>& reason, protocol::Instant now);
    [[nodiscard]] std::size_t size() const { return m_lines.size(); }

private:
    struct Line {
        protocol::Instant logged;
        std::vector<std::string> reason;
    };
    std::map<std::string, Line> m_lines;
    protocol::Instant m_window_start{};
    std::size_t m_lines_in_window = 0;
};

}  // namespace dynavg::discovery
