#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/instant.hpp"
#include "simulation/faults/dice.hpp"
#include "simulation/network.hpp"

/// The faults of a simulated network, as plain values: drawn from a seed or read from a text.
namespace dynavg::simulation {

enum class FaultKind : std::uint8_t {
    crash,    ///< As if its power failed. It starts again after `length` with its disk.
    wipe,     ///< The same, and its disk is lost.
    torn,     ///< The same, and what was being written is left damaged.
    leave,    ///< It hands over, leaves cleanly, and starts again after `length`, if there is one.
    freeze,   ///< The process stands still.
    slow,     ///< Its steps take `amount` times as long.
    clock,    ///< Its clock jumps ahead by `length`.
    part,     ///< Nothing passes between the two sides.
    mute,     ///< The second side does not hear the first one.
    bulk,     ///< No models pass between the two sides; all else does.
    clog,     ///< At most `amount` bytes per second on each link between the two sides.
    lag,      ///< `amount` milliseconds more on each link between the two sides.
    loss,     ///< `amount` percent more of the gossip between the two sides is lost.
    full,     ///< Its disk is full.
    rot,      ///< Chunks that others pull from it are damaged.
    revoke,   ///< Its key is revoked at all others; after `length` a person trusts it again.
    token,    ///< Its token is closed while a peer shows it; after `length` it has a new one.
    diverge,  ///< Its model is not finite any more. Drawn by draw_divergences() only.
    lie,      ///< Its contributions are not finite, or larger than it says. Never drawn.
};

/// Where in a round a crash, or a model that is not finite, does the most harm.
enum class FaultMoment : std::uint8_t {
    prepared,   ///< crash: it has said that it is prepared.
    installed,  ///< crash: it has a new reference, and has told nobody.
    frozen,     ///< diverge: it has frozen its model for a round.
    restarted,  ///< diverge: it has begun another life.
};

struct Fault {
    FaultKind kind = FaultKind::crash;
    protocol::Duration at{};  ///< Since the start.
    /// crash, wipe, torn: at this message that the peer sends in a round from then on; 0: at once.
    std::uint32_t message = 0;
    /// crash, wipe, torn, diverge: when this comes next; not together with `message`.
    std::optional<FaultMoment> moment;
    std::vector<PeerIndex> peers;   ///< The peers that it befalls; of links, one side.
    std::vector<PeerIndex> others;  ///< The other side; empty: all others.
    std::uint64_t amount = 0;
    std::optional<protocol::Duration> length;  ///< None: for ever.
    bool operator==(const Fault&) const = default;
};

/// Sorted by time.
using FaultSchedule = std::vector<Fault>;

[[nodiscard]] std::string_view name_of(FaultKind kind);
/// Between two sides, not of a peer.
[[nodiscard]] bool is_of_links(FaultKind kind);
[[nodiscard]] bool is_crash(FaultKind kind);
/// Whether a fault of this kind can wait for it.
[[nodiscard]] bool fits(FaultKind kind, FaultMoment moment);

/// "crash@30s#12:2+10s,slow@40s:1*100+60s,part@60s:0.1|2.3+60s": kind @ time, # message, peers,
/// * amount, + length. Errors say which part is wrong and what is possible. Every peer is below
/// `peers`.
[[nodiscard]] Expected<FaultSchedule, Error> parse_faults(std::string_view text, std::size_t peers);
/// The reverse.
[[nodiscard]] std::string to_string(const FaultSchedule& faults);
/// For --help: one line per kind.
[[nodiscard]] std::string fault_grammar();

/// The faults that may be drawn.
struct FaultLimits {
    std::size_t peers = 0;
    protocol::Duration begin{};
    protocol::Duration end{};
    std::size_t faults_max = 50;
    std::size_t forgetful_max = 0;  ///< Peers that may lose their disk, or what is on it.
    std::size_t lost_max = 0;       ///< Peers that may crash for ever.
    bool disks = false;             ///< Without them a peer forgets whenever it crashes.
    bool damage = false;            ///< Chunks pulled from a peer may be damaged.
    bool keys = false;              ///< There are keys and tokens.
    std::size_t revoked_max = 0;    ///< Peers whose key may be revoked.
};

/// Each schedule draws its own mix of kinds.
[[nodiscard]] FaultSchedule draw_faults(const FaultLimits& limits, Dice& dice);
/// Adds models that are not finite any more, and crashes that come close to them: between what was
/// frozen, what is dropped and what is on disk there is the most to mix up.
void draw_divergences(FaultSchedule& faults, const FaultLimits& limits, Dice& dice);

/// Adds that the peers come up in two or three parts that do not see each other, and meet one
/// another soon: the first reference of the network is made then, or two are.
void draw_first_splits(FaultSchedule& faults, const FaultLimits& limits, Dice& dice);

/// Adds that all peers but one leave one after another, some of them for good, and takes out what
/// would keep them from it: so the last roster shrinks until one peer may decide alone.
void draw_farewells(FaultSchedule& faults, const FaultLimits& limits, Dice& dice);

}  // namespace dynavg::simulation
