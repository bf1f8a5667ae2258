#include "protocol/base/ids.hpp"

#include <type_traits>

#include "tests/catch.hpp"
#include "tests/protocol/wire/sample_messages.hpp"

namespace dynavg::protocol {

TEST_CASE("strong integers count and compare, and do not mix", "[ids]") {
    CHECK(Epoch(4).next() == Epoch(5));
    CHECK(Epoch(4) < Epoch(5));
    static_assert(!std::is_convertible_v<Epoch, Attempt>);
    static_assert(!std::is_convertible_v<std::uint32_t, Epoch>);
}

TEST_CASE("a name always gives the same PeerId", "[ids]") {
    CHECK(PeerId::from_name("alpha") == PeerId::from_name("alpha"));
    CHECK(PeerId::from_name("alpha") != PeerId::from_name("beta"));
    CHECK(PeerId::from_name("alpha").fingerprint().size() == 8);
    const PeerId id{{0x01, 0x02, 0x03, 0xff}};
    CHECK(id.fingerprint() == "010203ff");
    CHECK(id.tag() == 0xff030201);
}

TEST_CASE("members sort by order, then id, then incarnation", "[ids]") {
    const PeerId low{{1}};
    const PeerId high{{2}};
    CHECK(Member{-1, high, Incarnation(9)} < Member{0, low, Incarnation(1)});
    CHECK(Member{0, low, Incarnation(9)} < Member{0, high, Incarnation(1)});
    CHECK(Member{0, low, Incarnation(1)} < Member{0, low, Incarnation(2)});
}

TEST_CASE("a roster's digest tells members and incarnations apart", "[ids]") {
    const Roster roster = sample_roster(3);
    CHECK(contains(roster, roster[1]));
    CHECK_FALSE(contains(roster, sample_member(7)));
    Roster restarted = roster;
    restarted[2].incarnation = restarted[2].incarnation.next();
    CHECK(digest_of(roster) == digest_of(sample_roster(3)));
    CHECK(digest_of(roster) != digest_of(restarted));
    CHECK(digest_of(roster) != digest_of(sample_roster(2)));
    CHECK(RoundId{Epoch(12), {0x9f3a01c200000000, 0}}.text() == "12-9f3a01c2");
    CHECK(Digest{1, 0xab}.hex() == "000000000000000100000000000000ab");
}

}  // namespace dynavg::protocol
