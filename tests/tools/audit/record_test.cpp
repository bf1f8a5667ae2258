#include "tools/audit/record.hpp"

#include "tests/catch.hpp"
#include "tests/tools/audit/samples.hpp"

using namespace dynavg;
using namespace dynavg::audit;

TEST_CASE("networks of other names are apart", "[record]") {
    Record record;
    record.add(committed("a", 1, 1, {"a"}));
    Entry other = committed("a", 1, 2, {"a"});
    other.network = "other";
    record.add(other);
    REQUIRE(record.networks().size() == 2);
    CHECK(record.networks().at("net").epochs.at(1).claims.size() == 1);
    CHECK(record.networks().at("other").epochs.at(1).claims.size() == 1);
}

TEST_CASE("peers that say the same share a claim, and each keeps one witness", "[record]") {
    Record record;
    for (int i = 0; i < 3; ++i) {
        for (const char* const node : {"a", "b", "c"}) {
            record.add(committed(node, 1, 1, {"a", "b", "c"}));
        }
    }
    const NetworkRecord& network = record.networks().at("net");
    CHECK(network.epochs.at(1).claims.size() == 1);
    CHECK(network.epochs.at(1).witnesses.size() == 3);
    CHECK(network.rosters.size() == 1);
    CHECK(network.nodes[0].rounds == 1);
}

TEST_CASE("names come from whoever tells them; a node's own word is the last", "[record]") {
    Record record;
    Entry joined = entry(EntryKind::peer_joined, "a", 0);
    joined.peer = "bee (b-id)";
    record.add(joined);
    const NetworkRecord& network = record.networks().at("net");
    CHECK(network.names.at("b-id") == "bee");
    Entry started = entry(EntryKind::started, "b", 0);
    started.peer_id = "b-id";
    record.add(started);
    CHECK(network.names.at("b-id") == "b");
    CHECK(network.nodes[1].starts == 1);
}

TEST_CASE("lost lines and parentheses in names are taken as they come", "[record]") {
    Record record;
    Entry lost = entry(EntryKind::lines_lost, "a", 0);
    lost.lines = 7;
    record.add(lost);
    record.add(lost);
    CHECK(record.networks().at("net").nodes[0].lines_lost == 14);
    Entry joined = entry(EntryKind::peer_joined, "a", 0);
    for (const char* text : {"", ")", " ()", "x (y) (z-id)", "(", "a (b"}) {
        joined.peer = text;
        record.add(joined);
    }
    CHECK(record.networks().at("net").names.at("z-id") == "x (y)");
}
