#include "posix/descriptor.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "tests/catch.hpp"

namespace dynavg::posix {

namespace {

bool is_open(int number) {
    return fcntl(number, F_GETFD) != -1;
}

Descriptor opened() {
    Descriptor made(open("/dev/null", O_RDONLY | O_CLOEXEC));
    REQUIRE(made.is_open());
    return made;
}

}  // namespace

TEST_CASE("a descriptor is closed with its owner, once", "[descriptor]") {
    int number = -1;
    {
        const Descriptor owner = opened();
        number = owner.number();
        CHECK(is_open(number));
    }
    CHECK_FALSE(is_open(number));
    CHECK_FALSE(Descriptor().is_open());
}

TEST_CASE("a move gives a descriptor away, and what it replaces is closed", "[descriptor]") {
    Descriptor first = opened();
    const int number = first.number();
    Descriptor second(std::move(first));
    CHECK(second.number() == number);
    {
        Descriptor third = opened();
        const int replaced = third.number();
        {
            Descriptor given = std::move(second);
            third = std::move(given);
        }
        CHECK(third.number() == number);
        CHECK_FALSE(is_open(replaced));
        CHECK(is_open(number));
    }
    CHECK_FALSE(is_open(number));
}

TEST_CASE("a released descriptor is the caller's, and closing early leaves errno", "[descriptor]") {
    Descriptor owner = opened();
    const int number = owner.release();
    CHECK_FALSE(owner.is_open());
    CHECK(is_open(number));
    Descriptor again(number);
    errno = ENOENT;
    again.close();
    CHECK(errno == ENOENT);
    CHECK_FALSE(again.is_open());
    CHECK_FALSE(is_open(number));
}

}  // namespace dynavg::posix
