#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynavg::protocol {

/// An integer with a meaning: two of different tags cannot be mixed up.
template <class Tag, class Rep>
class Strong {
public:
    using rep = Rep;
    constexpr Strong() = default;
    constexpr explicit Strong(Rep value) : m_value(value) {}
    [[nodiscard]] constexpr Rep value() const { return m_value; }
    [[nodiscard]] constexpr Strong next() const { return Strong(static_cast<Rep>(m_value + 1)); }
    constexpr auto operator<=>(const Strong&) const = default;

private:
    Rep m_value{};
};

/// Number of a reference: 0 is the common initial model, each committed round adds one.
using Epoch = Strong<struct EpochTag, std::uint32_t>;
/// A try at one target epoch; only a timeout starts the next.
using Attempt = Strong<struct AttemptTag, std::uint32_t>;
/// Counts a peer's starts; larger is newer.
using Incarnation = Strong<struct IncarnationTag, std::uint32_t>;
/// Counts a sender's messages within one incarnation.
using SequenceNumber = Strong<struct SequenceNumberTag, std::uint64_t>;
/// Counts local optimizer steps. Each use says from where.
using StepIndex = Strong<struct StepIndexTag, std::uint64_t>;
/// Hash of the network's name; a cheap filter, no proof of anything.
using NetworkId = Strong<struct NetworkIdTag, std::uint32_t>;

/// 128-bit XXH3: tells equal bits from different ones. It does not resist forgery.
struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    constexpr auto operator<=>(const Digest&) const = default;
    /// 32 lower-case hexadecimal digits.
    [[nodiscard]] std::string hex() const;
};

/// Names a peer: its public key or, in a network without keys, the digest of its name.
struct PeerId {
    std::array<std::uint8_t, 32> bytes{};
    constexpr auto operator<=>(const PeerId&) const = default;
    /// Eight hexadecimal digits, for logs: the first of hex().
    [[nodiscard]] std::string fingerprint() const;
    /// 64 lower-case hexadecimal digits: how configurations write a public key.
    [[nodiscard]] std::string hex() const;
    /// Nothing unless `text` is 64 hexadecimal digits.
    [[nodiscard]] static std::optional<PeerId> from_hex(std::string_view text);
    /// The first four bytes, for message headers.
    [[nodiscard]] std::uint32_t tag() const;
    [[nodiscard]] static PeerId from_name(std::string_view name);
};

/// One start of one peer, with its place in sums and ties: by order, then PeerId, then incarnation.
struct Member {
    std::int32_t order = 0;
    PeerId id;
    Incarnation incarnation;
    constexpr auto operator<=>(const Member&) const = default;
};

/// Sorted and without repetition.
using Roster = std::vector<Member>;

/// Names a reference, which all peers hold in common: `digest` covers everything in Reference.
struct ReferenceId {
    Epoch epoch;
    Digest digest;
    constexpr auto operator<=>(const ReferenceId&) const = default;
};

/// A round is named by the epoch that it makes and by who is in it.
struct RoundId {
    Epoch target;
    Digest roster;
    constexpr auto operator<=>(const RoundId&) const = default;
    /// "12-9f3a01c2", for logs.
    [[nodiscard]] std::string text() const;
};

[[nodiscard]] bool contains(const Roster& roster, const Member& member);
[[nodiscard]] Digest digest_of(const Roster& roster);

}  // namespace dynavg::protocol

template <>
struct std::hash<dynavg::protocol::PeerId> {
    std::size_t operator()(const dynavg::protocol::PeerId& id) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
    }
};
