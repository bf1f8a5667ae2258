#include <algorithm>

#include "tests/catch.hpp"
#include "tools/doctor/diagnosis.hpp"

using namespace dynavg;
using namespace dynavg::doctor;
using Catch::Matchers::Contains;
using control::PeerCheck;
using protocol::Reach;

namespace {

/// A peer with which all is well.
PeerCheck sound() {
    PeerCheck check;
    check.address = "b:7400";
    check.key = "bbb";
    check.direct = check.gossip_reach = check.bulk_reach = Reach::reached;
    check.admitted = check.answered = true;
    check.name = "b (0102)";
    check.gossip = "b:7401";
    check.bulk = "b:7402";
    check.back = {Reach::reached, Reach::reached, Reach::reached};
    return check;
}

PeersFacts facts_of(std::vector<PeerCheck> checks) {
    PeersFacts facts;
    facts.checks.complete = true;
    facts.checks.endpoints = {"a:7400", "a:7401", "a:7402"};
    facts.checks.peers = std::move(checks);
    facts.own_key = "aaa";
    return facts;
}

/// All that is not ok.
std::vector<Finding> faults(std::vector<PeerCheck> checks) {
    auto findings = diagnose_peers(facts_of(std::move(checks)));
    std::erase_if(findings, [](const Finding& finding) { return finding.level == Level::ok; });
    return findings;
}

Finding only_fault(const PeerCheck& check) {
    const auto found = faults({check});
    REQUIRE(found.size() == 1);
    return found.front();
}

}  // namespace

TEST_CASE("a peer with which all is well has one line", "[diagnose_peers]") {
    const auto findings = diagnose_peers(facts_of({sound()}));
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].level == Level::ok);
    CHECK_THAT(findings[0].what, Contains("b (0102)") && Contains("in both directions"));
    CHECK(findings[1].check == "clock");
}

TEST_CASE("the reason why a peer is not reached is told with what to do", "[diagnose_peers]") {
    const auto fault = [](Reach reach) {
        PeerCheck check;
        check.address = "b:7400";
        check.key = "bbb";
        check.direct = reach;
        const Finding found = only_fault(check);
        CHECK(found.level == Level::failure);
        CHECK(found.where == "b:7400");
        return found;
    };
    CHECK_THAT(fault(Reach::refused).what, Contains("nobody listens"));
    CHECK_THAT(fault(Reach::refused).fix, Contains("start dynavgd there"));
    CHECK_THAT(fault(Reach::silent).fix, Contains("firewall"));
    CHECK_THAT(fault(Reach::no_such_host).fix, Contains("/etc/hosts"));
    CHECK_THAT(fault(Reach::no_route).fix, Contains("ip route"));
    CHECK_THAT(fault(Reach::other_program).fix, Contains("insecure"));
    CHECK_THAT(fault(Reach::other_key).fix, Contains("`dynavg id` there") && Contains("bbb"));
}

TEST_CASE("a peer that does not trust this node's key is told the command", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.admitted = check.answered = false;
    CHECK(only_fault(check).fix == "run there: dynavg trust aaa");
    check.admitted = true;
    CHECK_THAT(only_fault(check).what, Contains("does not answer"));
}

TEST_CASE("a peer whose key was revoked here is told the command", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.is_trusted = false;
    CHECK(only_fault(check).fix == "dynavg trust bbb");
}

TEST_CASE("a port of a peer that is closed is told by its address", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.bulk_reach = Reach::silent;
    CHECK(only_fault(check).where == "b (0102) at b:7402");
    check.gossip_reach = Reach::refused;
    CHECK(faults({check}).size() == 2);
}

TEST_CASE("an address of this node that a peer cannot reach is told, all three in one line",
          "[diagnose_peers]") {
    PeerCheck check = sound();
    check.back.gossip = Reach::refused;
    CHECK(only_fault(check).where == "from b (0102) to a:7401");
    CHECK_THAT(only_fault(check).fix, Contains("[node] advertise"));
    check.back = {Reach::silent, Reach::silent, Reach::silent};
    CHECK(only_fault(check).where == "from b (0102) to a:7400 and the two others");
    check.back = {Reach::other_key, Reach::other_key, Reach::other_key};
    CHECK_THAT(only_fault(check).fix, Contains("leads to another node"));
    check.back = {};
    CHECK(only_fault(check).level == Level::warning);
}

TEST_CASE("each setting that differs is a failure by its name", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.differences = {{"averaging.threshold", "5", "2"}, {"model", "lenet5", "mlp"}};
    const auto found = faults({check});
    REQUIRE(found.size() == 2);
    CHECK(found[0].check == "settings");
    CHECK(found[0].where == "averaging.threshold");
    CHECK(found[0].what == "b (0102) has 5, this node 2");
    CHECK_THAT(found[0].fix, Contains("set threshold = 5"));
    CHECK(found[1].fix == "set [model] builtin = \"lenet5\" here");
}

TEST_CASE("an identity that is in use elsewhere is told with what to do", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.differences = {{"node.key", "a at copy:7400", "a at a:7400"}};
    CHECK_THAT(only_fault(check).fix, Contains("remove identity.key"));
    check.differences = {{"node.name", "a at copy:7400", "a at a:7400"}};
    CHECK_THAT(only_fault(check).fix, Contains("another [node] name"));
}

TEST_CASE("a clock that the peers contradict is a warning", "[diagnose_peers]") {
    PeerCheck check = sound();
    check.clock_offset_ms = 2000;
    CHECK(faults({check}).empty());
    check.clock_offset_ms = 2001;
    CHECK(only_fault(check).check == "clock");
    CHECK_THAT(only_fault(check).fix, Contains("timedatectl"));
    CHECK_THAT(only_fault(check).what, Contains("2.0 s behind"));
    // One of three that is wrong is the other's matter.
    CHECK(faults({check, sound()}).empty());
    // A peer that did not answer told no time.
    PeerCheck away = check;
    away.direct = Reach::silent;
    away.answered = false;
    const auto found = faults({away});
    CHECK(std::none_of(found.begin(), found.end(),
                       [](const Finding& f) { return f.check == "clock"; }));
}

TEST_CASE(
    "a check tells of this node itself, of no listener, and of an address that could not be tried",
    "[diagnose_peers]") {
    PeerCheck self;
    self.address = "a:7400";
    self.is_self = true;
    CHECK(faults({self}).empty());
    CHECK(faults({}).empty());
    PeersFacts facts;
    facts.not_checked = "the port is taken";
    const auto findings = diagnose_peers(facts);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].level == Level::warning);
    CHECK_THAT(findings[0].what, Contains("the port is taken"));
}
