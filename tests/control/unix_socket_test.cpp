#include "control/unix_socket.hpp"

#include <cerrno>
#include <string>

#include <sys/socket.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::control;
using dynavg::test::TemporaryFolder;

TEST_CASE("a path of 107 bytes is an address, a longer one or none is not", "[unix_socket]") {
    const auto address = unix_address(std::string(107, 'x'));
    REQUIRE(address.has_value());
    CHECK(std::string(address->sun_path) == std::string(107, 'x'));
    CHECK_FALSE(unix_address(std::string(108, 'x')).has_value());
    CHECK_FALSE(unix_address("").has_value());
}

TEST_CASE("errno says why nobody is reached", "[unix_socket]") {
    const TemporaryFolder folder;
    CHECK_FALSE(connect_unix(folder / "none").is_open());
    CHECK(errno == ENOENT);
    CHECK_FALSE(connect_unix(std::string(108, 'x')).is_open());
    CHECK(errno == ENAMETOOLONG);
    // A socket file whose listener is gone, as a daemon that was killed leaves it.
    {
        const dynavg::posix::Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = unix_address(folder / "left");
        REQUIRE(bind(listener.number(), reinterpret_cast<const sockaddr*>(&*address),
                     sizeof *address) == 0);
    }
    CHECK_FALSE(connect_unix(folder / "left").is_open());
    CHECK(errno == ECONNREFUSED);
}
