#include "protocol/base/check.hpp"
#include "simulation/faults/faults.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// `dynavg simulate --faults`. A schedule that is accepted can be written down again, and is then
// the same.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    constexpr std::size_t kPeers = 5;
    const auto faults = simulation::parse_faults(as_text(input), kPeers);
    if (!faults) {
        DYNAVG_CHECK(!faults.error().message.empty());
        return;
    }
    for (const simulation::Fault& fault : *faults) {
        for (const auto peer : fault.peers) DYNAVG_CHECK(peer < kPeers);
        for (const auto peer : fault.others) DYNAVG_CHECK(peer < kPeers);
    }
    const auto again = simulation::parse_faults(simulation::to_string(*faults), kPeers);
    DYNAVG_CHECK(again && *again == *faults);
}

}  // namespace dynavg::fuzz
