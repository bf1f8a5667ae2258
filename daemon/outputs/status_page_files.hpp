#pragma once

#include <string_view>

namespace dynavg::daemon {

/// The status page, from daemon/outputs/status_page/ at build time.
extern const std::string_view kPageHtml;
extern const std::string_view kPageScript;
extern const std::string_view kPageStyle;

}  // namespace dynavg::daemon
