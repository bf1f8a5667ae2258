#include "tools/doctor/finding.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "control/replies.hpp"

namespace dynavg::doctor {

namespace {

std::ptrdiff_t count_of(const std::vector<Finding>& findings, Level level) {
    return std::count_if(findings.begin(), findings.end(),
                         [level](const Finding& finding) { return finding.level == level; });
}

}  // namespace

std::string_view name_of(Level level) {
    switch (level) {
        case Level::ok:
            return "ok";
        case Level::warning:
            return "warning";
        case Level::failure:
            break;
    }
    return "failure";
}

std::string text_of(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text += fmt::format("{:<8} {:<9} {}: {}\n", name_of(finding.level), finding.check,
                            control::escaped(finding.where), control::escaped(finding.what));
        if (!finding.fix.empty()) {
            text += fmt::format("{:>18} fix: {}\n", "", control::escaped(finding.fix));
        }
    }
    text += fmt::format("{} ok, {} warnings, {} failures\n", count_of(findings, Level::ok),
                        count_of(findings, Level::warning), count_of(findings, Level::failure));
    return text;
}

std::string json_of(const std::vector<Finding>& findings) {
    nlohmann::json list = nlohmann::json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"level", name_of(finding.level)},
                        {"check", finding.check},
                        {"where", finding.where},
                        {"what", finding.what},
                        {"fix", finding.fix}});
    }
    return control::to_line({{"ok", !has_failure(findings)},
                             {"warnings", count_of(findings, Level::warning)},
                             {"failures", count_of(findings, Level::failure)},
                             {"findings", std::move(list)}});
}

bool has_failure(const std::vector<Finding>& findings) {
    return count_of(findings, Level::failure) > 0;
}

}  // namespace dynavg::doctor
