#include "identity/trust.hpp"

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::identity {

namespace {

using protocol::PeerId;

PeerId key(std::uint8_t number) {
    PeerId id;
    id.bytes.fill(number);
    return id;
}

PeerId numbered(std::size_t number) {
    PeerId id;
    id.bytes[0] = static_cast<std::uint8_t>(number & 0xff);
    id.bytes[1] = static_cast<std::uint8_t>(number >> 8);
    return id;
}

}  // namespace

TEST_CASE("A key that is neither configured nor has joined is not trusted", "[trust]") {
    TrustList list;
    list.set_configured({key(1)});
    CHECK(list.join(key(2), "node-b") == TrustList::Joined::added);
    CHECK(list.join(key(2), "node-b") == TrustList::Joined::known);
    CHECK(list.is_trusted(key(1)));
    CHECK(list.is_trusted(key(2)));
    CHECK_FALSE(list.is_trusted(key(3)));
    CHECK(list.trusted() == std::set<PeerId>{key(1), key(2)});
    list.set_configured({});
    CHECK_FALSE(list.is_trusted(key(1)));
}

TEST_CASE("A revoked key stays out, whatever configuration and token say", "[trust]") {
    TrustList list;
    list.set_configured({key(1)});
    list.join(key(2), "");
    using Said = TrustList::Said;
    CHECK(list.revoke(key(1)) == Said::done);
    CHECK(list.revoke(key(2)) == Said::done);
    CHECK(list.revoke(key(2)) == Said::known);
    CHECK(list.join(key(2), "again") == TrustList::Joined::revoked);
    CHECK_FALSE(list.is_trusted(key(1)));
    CHECK_FALSE(list.is_trusted(key(2)));
    CHECK(list.trusted().empty());
    CHECK(list.trust(key(2), "the operator's word") == Said::done);
    CHECK(list.trust(key(2), "once more") == Said::known);
    CHECK(list.is_trusted(key(2)));
}

TEST_CASE("Joined and revoked keys are read again from the kept text; configured keys are not kept",
          "[trust]") {
    TrustList list;
    list.set_configured({key(1)});
    list.join(key(2), "node b\nrevoked");
    list.revoke(key(3));
    TrustList read;
    REQUIRE(read.read(list.text()).has_value());
    CHECK(read.trusted() == std::set<PeerId>{key(2)});
    CHECK(read.is_revoked(key(3)));
    CHECK(read.text() == list.text());
}

TEST_CASE("A line that is none is named, and nothing of the text is taken", "[trust]") {
    TrustList list;
    list.join(key(2), "");
    const auto read = list.read("# title\n\nrevoked " + key(3).hex() + "\ntrust " + key(4).hex());
    REQUIRE_FALSE(read.has_value());
    CHECK_THAT(read.error().message, Catch::Contains("line 4"));
    CHECK(list.is_trusted(key(2)));
    CHECK_FALSE(list.is_revoked(key(3)));
    CHECK_FALSE(list.read("trusted").has_value());
    CHECK_FALSE(list.read("trusted xyz").has_value());
}

TEST_CASE("The list has an end, and tokens fill half of it at most", "[trust]") {
    using Joined = TrustList::Joined;
    using Said = TrustList::Said;
    TrustList list;
    for (std::size_t i = 0; i < TrustList::kJoinedMax; ++i) {
        REQUIRE(list.join(numbered(i), "") == Joined::added);
    }
    CHECK(list.join(key(9), "") == Joined::full);
    CHECK(list.trust(key(9), "") == Said::done);
    for (std::size_t i = TrustList::kJoinedMax + 1; i < TrustList::kKeysMax; ++i) {
        REQUIRE(list.revoke(numbered(i)) == Said::done);
    }
    CHECK(list.trust(key(8), "") == Said::full);
    CHECK(list.revoke(key(8)) == Said::full);
    CHECK(list.revoke(numbered(0)) == Said::done);  // One that is there needs no room.
    TrustList read;
    REQUIRE(read.read(list.text()));
    CHECK(read.text() == list.text());
}

TEST_CASE("A peer that tells of many keys leaves room for the keys that others tell", "[trust]") {
    using Joined = TrustList::Joined;
    TrustList list;
    for (std::size_t i = 0; i < TrustList::kToldByOneMax; ++i) {
        REQUIRE(list.join_told(numbered(i), "aaaaaaaa") == Joined::added);
    }
    CHECK(list.join_told(key(9), "aaaaaaaa") == Joined::full);
    CHECK(list.join_told(numbered(0), "aaaaaaaa") == Joined::known);
    CHECK(list.join_told(key(9), "bbbbbbbb") == Joined::added);
    CHECK(list.join(key(8), "by the token itself") == Joined::added);
}

TEST_CASE("The file survives, and none is an empty list", "[trust]") {
    const test::TemporaryFolder folder;
    TrustList list;
    REQUIRE(load_trust(folder.path(), list).has_value());
    CHECK(list.trusted().empty());
    list.join(key(2), "node-b");
    REQUIRE(save_trust(folder.path(), list).has_value());
    TrustList read;
    REQUIRE(load_trust(folder.path(), read).has_value());
    CHECK(read.is_trusted(key(2)));
}

}  // namespace dynavg::identity
