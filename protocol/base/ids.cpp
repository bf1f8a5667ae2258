#include "protocol/base/ids.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/base/digest.hpp"

namespace dynavg::protocol {

std::string Digest::hex() const {
    return fmt::format("{:016x}{:016x}", high, low);
}

std::string PeerId::fingerprint() const {
    return fmt::format("{:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string PeerId::hex() const {
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

std::optional<PeerId> PeerId::from_hex(std::string_view text) {
    PeerId id;
    if (text.size() != 2 * id.bytes.size()) return {};
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        const char* const begin = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(begin, begin + 2, id.bytes[i], 16);
        if (error != std::errc{} || end != begin + 2) return {};
    }
    return id;
}

std::uint32_t PeerId::tag() const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

PeerId PeerId::from_name(std::string_view name) {
    PeerId id;
    for (std::uint64_t half = 0; half < 2; ++half) {
        const Digest digest = Digester().add_u64(half).add(name).finish();
        std::memcpy(id.bytes.data() + 16 * half, &digest.high, 8);
        std::memcpy(id.bytes.data() + 16 * half + 8, &digest.low, 8);
    }
    return id;
}

std::string RoundId::text() const {
    return fmt::format("{}-{:08x}", target.value(), static_cast<std::uint32_t>(roster.high >> 32));
}

bool contains(const Roster& roster, const Member& member) {
    return std::binary_search(roster.begin(), roster.end(), member);
}

Digest digest_of(const Roster& roster) {
    Digester digester;
    for (const Member& member : roster) digester.add(member);
    return digester.finish();
}

}  // namespace dynavg::protocol
