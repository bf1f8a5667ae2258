#include <algorithm>
#include <array>
#include <set>

#include "simulation/faults/faults.hpp"

// Faults that do the most harm together, drawn as a whole.

namespace dynavg::simulation {

using protocol::Duration;
using namespace std::chrono_literals;

void draw_farewells(FaultSchedule& faults, const FaultLimits& limits, Dice& dice) {
    std::vector<PeerIndex> order(limits.peers);
    for (PeerIndex i = 0; i < order.size(); ++i) {
        order[i] = i;
        std::swap(order[i], order[dice.between(0, i)]);
    }
    // Of the last two the first member of their roster goes: it may decide alone.
    if (order.back() < order[order.size() - 2]) std::swap(order.back(), order[order.size() - 2]);
    order.pop_back();
    Duration at = dice.milliseconds(static_cast<std::uint64_t>(limits.begin / 1ms),
                                    static_cast<std::uint64_t>(limits.end / 4ms));
    // From then on nothing else keeps the last roster from shrinking.
    std::erase_if(faults, [at](const Fault& fault) {
        constexpr std::array kSlow{FaultKind::slow, FaultKind::clog, FaultKind::lag,
                                   FaultKind::loss};
        return fault.at >= at && std::find(kSlow.begin(), kSlow.end(), fault.kind) == kSlow.end();
    });
    std::set<PeerIndex> lost;
    for (const Fault& fault : faults) {
        if (is_crash(fault.kind) && !fault.length) lost.insert(fault.peers.front());
    }
    for (const PeerIndex peer : order) {
        Fault leave;
        leave.kind = FaultKind::leave;
        leave.at = at;
        leave.peers = {peer};
        leave.length = dice.magnitude_ms(10'000, 90'000);
        // One must be left at the end.
        if (lost.size() + 2 < limits.peers && dice.once_in(4) && lost.insert(peer).second) {
            leave.length.reset();
        }
        faults.push_back(std::move(leave));
        at += dice.magnitude_ms(300, 6'000);
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const Fault& a, const Fault& b) { return a.at < b.at; });
}

void draw_divergences(FaultSchedule& faults, const FaultLimits& limits, Dice& dice) {
    for (std::uint64_t left = dice.between(1, 8); left > 0; --left) {
        Fault diverge;
        diverge.kind = FaultKind::diverge;
        diverge.at = dice.milliseconds(static_cast<std::uint64_t>(limits.begin / 1ms),
                                       static_cast<std::uint64_t>(limits.end / 1ms));
        diverge.peers = {dice.between(0, limits.peers - 1)};
        Fault crash;
        crash.kind = FaultKind::crash;
        crash.at = diverge.at;
        crash.peers = diverge.peers;
        crash.length = dice.magnitude_ms(100, 5'000);
        switch (dice.between(0, limits.disks ? 3 : 1)) {
            case 0:  // At any moment.
                break;
            case 1:
                diverge.moment = FaultMoment::frozen;
                break;
            case 2:  // What was dropped of a frozen part is on disk, maybe, and is read again.
                diverge.moment = FaultMoment::frozen;
                crash.message = static_cast<std::uint32_t>(dice.magnitude(3, 100));
                faults.push_back(crash);
                break;
            default:  // What an earlier life gave is dropped by the next one.
                diverge.moment = FaultMoment::restarted;
                crash.message = static_cast<std::uint32_t>(dice.magnitude(1, 30));
                faults.push_back(crash);
        }
        faults.push_back(std::move(diverge));
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const Fault& a, const Fault& b) { return a.at < b.at; });
}

void draw_first_splits(FaultSchedule& faults, const FaultLimits& limits, Dice& dice) {
    for (std::uint64_t left = dice.between(1, 3); left > 0; --left) {
        Fault split;
        split.kind = dice.once_in(3) ? FaultKind::mute : FaultKind::part;
        split.at = dice.milliseconds(0, 3'000);
        split.length = dice.magnitude_ms(500, 15'000);
        for (PeerIndex peer = 0; peer < limits.peers; ++peer) {
            (dice.once_in(2) ? split.peers : split.others).push_back(peer);
        }
        if (split.peers.empty() || split.others.empty()) continue;
        faults.push_back(std::move(split));
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const Fault& a, const Fault& b) { return a.at < b.at; });
}

}  // namespace dynavg::simulation
