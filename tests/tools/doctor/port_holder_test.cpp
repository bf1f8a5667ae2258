#include "tools/doctor/port_holder.hpp"

#include <array>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/catch.hpp"

using namespace dynavg::doctor;
using Inodes = std::vector<std::uint64_t>;

namespace {

// 127.0.0.1:7400, any:7401, a connection from 7400, and a line that is cut off.
constexpr const char* kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 501 1\n"
    "   1: 00000000:1CE9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 502 1\n"
    "   2: 0100007F:1CE8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000  0 503 1\n"
    "   3: 0100007F:1CE8 00000000:0000 0A 0000\n";

}  // namespace

TEST_CASE("the listener at a port is found in the kernel's table", "[port_holder]") {
    CHECK(listening_inodes(kTable, "0100007F", 7400) == Inodes{501});
    CHECK(listening_inodes(kTable, "0100007F", 7401) == Inodes{502});
    CHECK(listening_inodes(kTable, "00000000", 7400) == Inodes{501});
    CHECK(listening_inodes(kTable, "0200007F", 7400).empty());
    CHECK(listening_inodes(kTable, "0100007F", 7402).empty());
    CHECK(listening_inodes("", "0100007F", 7400).empty());
    constexpr const char* kMapped =
        "   0: 0000000000000000FFFF00000100007F:1CE8 00000000000000000000000000000000:0000 0A "
        "0:0 00:0 0  1000  0 504 1\n";
    CHECK(listening_inodes(kMapped, "0100007F", 7400) == Inodes{504});
    CHECK(listening_inodes(kMapped, "0200007F", 7400).empty());
}

TEST_CASE("an address is written as the kernel's table has it", "[port_holder]") {
    constexpr std::array<std::byte, 4> kLoopback{std::byte{127}, std::byte{0}, std::byte{0},
                                                 std::byte{1}};
    CHECK(table_address(kLoopback) == "0100007F");
}

TEST_CASE("a process finds itself at its own port", "[port_holder]") {
    const int made = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(made, raw, size) == 0);
    REQUIRE(listen(made, 1) == 0);
    REQUIRE(getsockname(made, raw, &size) == 0);
    const auto holder = holder_of("0100007F", ntohs(address.sin_port));
    close(made);
    REQUIRE(holder);
    CHECK(holder->pid == getpid());
    CHECK(holder->name == "doctor_tests");
    CHECK_FALSE(holder_of("0100007F", ntohs(address.sin_port)));
}
