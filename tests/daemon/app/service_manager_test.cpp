#include "daemon/app/service_manager.hpp"

#include <cstdlib>
#include <string>

#include <unistd.h>

#include "control/replies.hpp"
#include "daemon/control/status.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/app/fake_manager.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using Catch::Matchers::Contains;

TEST_CASE("a service manager hears of readiness, the watchdog and the end", "[service_manager]") {
    FakeManager fake("3000000");
    ServiceManager manager;
    REQUIRE(manager.has_watchdog());
    manager.ready("up");
    CHECK(fake.next() == "READY=1\nSTATUS=up\nWATCHDOG_USEC=3000000\nWATCHDOG=1");
    manager.feed();
    CHECK(fake.next() == "WATCHDOG=1");
    manager.status("busy\nWATCHDOG=1");
    CHECK(fake.next() == "STATUS=busy WATCHDOG=1");
    manager.trigger("stuck");
    CHECK(fake.next() == "STATUS=stuck\nWATCHDOG=trigger");
    manager.start_again("again");
    CHECK(fake.next() == "STATUS=again\nWATCHDOG_USEC=900000000");
    manager.stopping("bye", std::chrono::seconds(90));
    CHECK(fake.next() == "STOPPING=1\nSTATUS=bye\nEXTEND_TIMEOUT_USEC=90000000");
}

TEST_CASE("a status that is the last one is not told again", "[service_manager]") {
    FakeManager fake("3000000");
    ServiceManager manager;
    manager.ready("up");
    (void)fake.next();
    manager.status("up");
    manager.status("a round");
    CHECK(fake.next() == "STATUS=a round");
}

TEST_CASE("without a watchdog none is fed", "[service_manager]") {
    FakeManager fake;
    ServiceManager manager;
    CHECK_FALSE(manager.has_watchdog());
    manager.feed();
    manager.trigger("stuck");
    CHECK(fake.next() == "STATUS=stuck");
    manager.ready("up");
    CHECK(fake.next() == "READY=1\nSTATUS=up");
}

TEST_CASE("without a service manager all of it does nothing", "[service_manager]") {
    REQUIRE(std::getenv("NOTIFY_SOCKET") == nullptr);
    ServiceManager manager;
    manager.ready("up");
    manager.feed();
    manager.stopping("bye", std::chrono::seconds(90));
    CHECK_FALSE(manager.has_watchdog());
}

TEST_CASE("the status line has peers, epoch and the drift against its threshold", "[status]") {
    control::StatusReply status;
    status.training = "running";
    status.peers_live = 2;
    status.peers_known = 3;
    status.epoch = 12;
    status.threshold = 5;
    status.steps = 1234;
    CHECK(status_line(status) ==
          "running: 2 of 3 peers live, epoch 12, variance unknown of 5, 1234 steps");
    status.estimate = 3.7441;
    CHECK_THAT(status_line(status), Contains("variance 3.744 of 5"));
}
