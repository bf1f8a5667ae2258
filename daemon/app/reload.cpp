#include "daemon/app/reload.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/schema.hpp"

namespace dynavg::daemon {

namespace {

/// The one list of keys that a running daemon takes over; App::Parts::apply() does it for each.
constexpr std::array<std::string_view, 3> kLiveKeys{"node.peers", "security.trusted_peers",
                                                    "log.level"};

bool is_live(std::string_view key) {
    return std::find(kLiveKeys.begin(), kLiveKeys.end(), key) != kLiveKeys.end();
}

bool differs(const config::Key& key, const config::Config& running, const config::Config& read) {
    if (!key.available) return false;
    if (key.name.starts_with("averaging.") && !read.has_averaging_section) return false;
    // A table that is absent may mean something else than one with all its defaults.
    if (key.name.starts_with("data.test.") &&
        running.data.test.has_value() != read.data.test.has_value()) {
        return true;
    }
    return key.show(running) != key.show(read);
}

}  // namespace

ReloadPlan plan_reload(const config::Config& running, const config::Config& read) {
    ReloadPlan plan;
    for (const config::Key& key : config::schema()) {
        if (!differs(key, running, read)) continue;
        (is_live(key.name) ? plan.apply : plan.needs_restart).push_back(key.name);
    }
    return plan;
}

}  // namespace dynavg::daemon
