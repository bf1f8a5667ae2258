#include "daemon/app/open_files.hpp"

#include <cerrno>
#include <system_error>

#include <boost/system/system_error.hpp>

#include "daemon/app/health_watch.hpp"
#include "tests/catch.hpp"

using namespace dynavg::daemon;
using Catch::Matchers::Contains;

TEST_CASE("too low a limit of open files is told with where it is set", "[open_files]") {
    CHECK(check_open_files({.open = 10, .limit = 10 + kOpenFilesMin}));
    const auto refused = check_open_files({.open = 10, .limit = 9 + kOpenFilesMin});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message,
               Contains("LimitNOFILE=") && Contains("ulimit -n") && Contains("73"));
}

TEST_CASE("few open files are left below a spare", "[open_files]") {
    CHECK_FALSE(OpenFiles{.open = 100 - kOpenFilesSpare, .limit = 100}.are_few());
    CHECK(OpenFiles{.open = 101 - kOpenFilesSpare, .limit = 100}.are_few());
    CHECK(OpenFiles{.open = 100, .limit = 100}.are_few());
}

TEST_CASE("the open files of this process are counted", "[open_files]") {
    const auto files = count_open_files();
    REQUIRE(files);
    CHECK(files->open >= 3);
    CHECK(files->limit > files->open);
}

TEST_CASE("a lack of open files is told once, until it is better", "[open_files]") {
    HealthWatch health;
    const OpenFiles few{.open = 100, .limit = 100};
    CHECK_FALSE(health.look(OpenFiles{.open = 40, .limit = 100}));
    const auto told = health.look(few);
    REQUIRE(told);
    CHECK(told->name == "open_files_low");
    CHECK_THAT(told->message, Contains("100 of the 100") && Contains("LimitNOFILE="));
    CHECK_FALSE(health.look(few));
    CHECK_FALSE(health.look(std::nullopt));
    CHECK(health.look(few));
}

TEST_CASE("a lack of open files is told as such, whichever library met it", "[open_files]") {
    const boost::system::system_error asio(EMFILE, boost::system::system_category(), "epoll");
    const std::system_error standard(ENFILE, std::generic_category());
    CHECK_THAT(told_as_error(asio).message, Contains("limit of open files") && Contains("ulimit"));
    CHECK_THAT(told_as_error(standard).message, Contains("limit of open files"));
    CHECK_THAT(told_as_error(std::runtime_error("odd")).message,
               Contains("unexpected failure: odd"));
}
