#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace dynavg::discovery {

/// A difference of wall clocks, in milliseconds: theirs less ours.
using ClockOffset = std::int64_t;

/// More than this is worth a person's look.
inline constexpr ClockOffset kClockSkewMax = 2000;

[[nodiscard]] constexpr bool is_clock_skewed(ClockOffset skew) {
    return skew > kClockSkewMax || skew < -kClockSkewMax;
}

/// The difference of one peer's clock to ours, by the times that its heartbeats tell. A heartbeat
/// that comes late makes the clock look behind, so the largest of the last few differences is
/// nearest to the truth; a clock that is set anew shows after as many heartbeats. For people: no
/// rule of the protocol looks at it.
class PeerClock {
public:
    static constexpr std::size_t kSamples = 8;

    /// As heartbeats tell it, whatever it says; ours when it came in. Unix times in milliseconds.
    void on_heard(std::uint64_t theirs_ms, std::uint64_t ours_ms);
    /// None before the first.
    [[nodiscard]] std::optional<ClockOffset> offset() const;

private:
    std::array<ClockOffset, kSamples> m_last{};
    std::size_t m_count = 0;
};

/// The difference of two clocks; never overflows.
[[nodiscard]] ClockOffset offset_between(std::uint64_t theirs_ms, std::uint64_t ours_ms);

/// How far the median of the live peers' clocks is from ours, this node's own among them: so one
/// clock of three that is wrong is no fault of the other two. Where as many say one thing as the
/// other, the larger difference counts, since nobody can tell who is wrong. None without peers.
[[nodiscard]] std::optional<ClockOffset> clock_skew(std::vector<ClockOffset> of_peers);

}  // namespace dynavg::discovery
