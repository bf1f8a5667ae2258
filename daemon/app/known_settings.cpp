#include "daemon/app/known_settings.hpp"

#include "protocol/core/settings.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::daemon {

void take_known_settings(const storage::Disk& disk, config::Config& config) {
    if (config.has_averaging_section) return;
    const auto fields = storage::CheckpointStore::owner_of(disk);
    if (!fields) return;
    const auto settings = protocol::averaging_from_fields(*fields);
    if (!settings) return;
    config.averaging = *settings;
    config.has_averaging_section = true;
}

}  // namespace dynavg::daemon
