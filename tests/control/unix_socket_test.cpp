#include "control/unix_socket.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::control;
using dynavg::test::TemporaryFolder;

namespace {

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

}  // namespace

TEST_CASE("a path of 107 bytes is an address, a longer one or none is not", "[unix_socket]") {
    const auto address = unix_address(std::string(107, 'x'));
    REQUIRE(address.has_value());
    CHECK(std::string(address->sun_path) == std::string(107, 'x'));
    CHECK_FALSE(unix_address(std::string(108, 'x')).has_value());
    CHECK_FALSE(unix_address("").has_value());
}

TEST_CASE("a descriptor is closed by its last owner, once", "[unix_socket]") {
    const int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int second = open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(is_open(first));
    {
        FileDescriptor owner(first);
        FileDescriptor next(std::move(owner));
        CHECK(next.get() == first);
        {
            FileDescriptor other(second);
            next = std::move(other);
        }
        CHECK(next.get() == second);
        CHECK_FALSE(is_open(first));
        CHECK(is_open(second));
    }
    CHECK_FALSE(is_open(second));
}

TEST_CASE("a descriptor that is released stays open", "[unix_socket]") {
    int released = -1;
    {
        FileDescriptor owner(open("/dev/null", O_RDONLY | O_CLOEXEC));
        released = owner.release();
        CHECK(owner.get() == -1);
    }
    CHECK(is_open(released));
    close(released);
}

TEST_CASE("errno says why nobody is reached", "[unix_socket]") {
    const TemporaryFolder folder;
    CHECK(connect_unix(folder / "none").get() == -1);
    CHECK(errno == ENOENT);
    CHECK(connect_unix(std::string(108, 'x')).get() == -1);
    CHECK(errno == ENAMETOOLONG);
    // A socket file whose listener is gone, as a daemon that was killed leaves it.
    {
        const FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = unix_address(folder / "left");
        REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address),
                     sizeof *address) == 0);
    }
    CHECK(connect_unix(folder / "left").get() == -1);
    CHECK(errno == ECONNREFUSED);
}
