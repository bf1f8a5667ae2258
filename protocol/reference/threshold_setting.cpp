#include "protocol/reference/threshold_setting.hpp"

#include <cmath>

#include "protocol/base/limits.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

bool is_valid(const ThresholdSetting& setting) {
    return std::isfinite(setting.threshold) && setting.threshold > 0 && setting.set_at_ms > 0 &&
           setting.set_at_ms <= limits::kSetAtMsMax;
}

std::optional<ThresholdSetting> later_of(const std::optional<ThresholdSetting>& one,
                                         const std::optional<ThresholdSetting>& other) {
    if (!one || !other) return one ? one : other;
    return one->set_at_ms > other->set_at_ms ? one : other;
}

std::optional<ThresholdSetting> latest_setting(std::span<const ContributionFacts> facts) {
    std::optional<ThresholdSetting> latest;
    for (const ContributionFacts& peer : facts) latest = later_of(latest, peer.setting);
    return latest;
}

}  // namespace dynavg::protocol
