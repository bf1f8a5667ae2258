#include "daemon/outputs/event_ids.hpp"

#include <algorithm>

namespace dynavg::daemon {

namespace {

/// A new event gets a random id of its own: `systemd-id128 new`.
constexpr EventId kEventIds[] = {
    {"adopted", "0a6a5f3a748a4ee0b3d34b0981ee2972"},
    {"checkpoint_damaged", "cc5252a780244386856855d46d0505ae"},
    {"checkpoint_failed", "d5b6a7c18ebf4722b69b5e6131b9c83a"},
    {"checkpoint_loaded", "e3e3b3cf9b704837911658d5aa59e4cd"},
    {"checkpoint_written", "90bdcb122eba4607ba077ad2e66f9683"},
    {"connection_refused", "22f46b6d8ece412395159521aefb269e"},
    {"contribution_refused", "e0179276a04f455ba32170a40e10ba3a"},
    {"crossing", "93d78f68ffa54bdb972c2f059dd805f4"},
    {"diverged", "f2d022dbf1e641efa2c091d30f740515"},
    {"evaluated", "a246507c74a349e894271c39351f084b"},
    {"failed", "08dd0b422fcf40f8968f0330fe25fb50"},
    {"few_samples", "60d8086df6d446c2b84c49ecb9e5aa0e"},
    {"fork_detected", "efa34261b2084e63a04ca40e244d8899"},
    {"hook_failed", "bd67c34dc25e45b8b1760322d7d5625c"},
    {"insecure", "a4068d1a5203493483f6d6e910528c41"},
    {"leaving", "2990c01b4a524479ada79316c76286ff"},
    {"log_lines_lost", "ed4b95de29064a77a6bfdde9d644cb17"},
    {"merged", "fd1065c999c9434188d84ee127f989dd"},
    {"metrics_offered", "071a97c63a70439b84907d1e80aa87fa"},
    {"open_files_low", "5cfdc6bd90944da8b9aadc20cb39abaf"},
    {"optimizer_reset", "f1f8349b3cbe4b42af5c678dcf3f5253"},
    {"output_failed", "68194524a61d4530811da9a314d246be"},
    {"output_written", "c72640137cf24ddd943f08794027118b"},
    {"paused", "aab09d25bc7c4999b9d61c5960c414c1"},
    {"peer_forgotten", "191d2fc1e0c04735851ec47abd051b2b"},
    {"peer_joined", "731fe5ed09ca4589b70bd303c45c62bb"},
    {"peer_left", "e36242c6c3b44d5eaec6a7f06eba7f0a"},
    {"peer_refused", "13bca4d7012841bf87cc618be6bd3dfc"},
    {"peer_revoked", "c5d3593935964182b92f5c8adc407a3d"},
    {"peer_suspected", "c9b902a120a84fbab4b19324714b2235"},
    {"peer_trusted", "bcfd49f507694ffdb8b90e9bb5f40c41"},
    {"peer_unreachable", "b536b42daf0f4556b19ceeecf3041ad7"},
    {"pull_failed", "59ec49b384e04135b8fd9a67ac6ac219"},
    {"reload_failed", "f3421da90d9742759982ff9957b953fe"},
    {"reloaded", "d701e02714684dd8a4db640afa6e345c"},
    {"replaced", "b1d90a10e24e4298be6c8dfd607ec2af"},
    {"resumed", "4569228c0e4f4d66bbc5a8853b3c2c96"},
    {"round_committed", "7f4ceed84c204e3f80731ab6cf167b5b"},
    {"round_impossible", "35844aba605843bc93304e5b76a98652"},
    {"round_restarted", "a8bf2101092d4c108135fd86a9e0b51b"},
    {"round_started", "41eb9f7c7a054daba94c2ad728ff79dd"},
    {"seed_reached", "77a78875ba8d4980bb89d0c1725b281f"},
    {"seed_unreachable", "3e711f7bf908415e9e1c351c3526c8f2"},
    {"settings_learned", "367b7edc902642fe8ae061fc9f4a8ac6"},
    {"started", "061eb855d00b42c19d173dc764feefc2"},
    {"state_refused", "e2cec18c9d6441b2b744400fc9a7db67"},
    {"stopped", "7fe4cb05d94e425fbdc25b4eae2c6dee"},
    {"suppressed", "adcd456b3f0545f180197ab5a6de16c8"},
    {"threshold_set", "600bc673ad9841f195a7388b348d9284"},
    {"training_alone", "d9d22adcfb464ba884c4f63c89655f63"},
    {"training_complete", "3f157a82195444d49da3745dc3a62d7c"},
    {"training_stuck", "44698e988f5b45f2ac7647600d9a1194"},
};

}  // namespace

std::span<const EventId> event_ids() {
    return kEventIds;
}

std::string_view message_id_of(std::string_view event) {
    const auto* found = std::ranges::lower_bound(kEventIds, event, {}, &EventId::event);
    if (found == std::end(kEventIds) || found->event != event) return {};
    return found->id;
}

}  // namespace dynavg::daemon
