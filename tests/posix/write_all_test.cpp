#include "posix/write_all.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "posix/descriptor.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::posix {

TEST_CASE("all bytes go through a pipe that is smaller, whatever signals come", "[write_all]") {
    struct sigaction interrupts {};
    struct sigaction before {};
    interrupts.sa_handler = [](int) {};  // Without SA_RESTART: write() ends with EINTR.
    REQUIRE(sigaction(SIGUSR1, &interrupts, &before) == 0);
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const Descriptor out(ends[0]);
    Descriptor in(ends[1]);
    std::string sent(1 << 20, 'x');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
    int result = -1;
    std::thread writer([&] {
        result = write_all(in.number(), bytes_of(sent));
        in.close();
    });
    std::string received;
    std::array<char, 1024> buffer{};
    for (ssize_t size = 0; (size = read(out.number(), buffer.data(), buffer.size())) != 0;) {
        REQUIRE(size > 0);
        received.append(buffer.data(), static_cast<std::size_t>(size));
        if (received.size() < sent.size()) pthread_kill(writer.native_handle(), SIGUSR1);
    }
    writer.join();
    sigaction(SIGUSR1, &before, nullptr);
    CHECK(result == 0);
    CHECK(received == sent);
}

TEST_CASE("bytes are written from an offset on", "[write_all]") {
    const test::TemporaryFolder folder;
    const auto path = folder / "file";
    std::ofstream(path) << "0123456789";
    const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(write_all_at(file.number(), 4, bytes_of("abc")) == 0);
    REQUIRE(write_all_at(file.number(), 9, {}) == 0);
    std::ifstream stream(path);
    CHECK(std::string(std::istreambuf_iterator<char>(stream), {}) == "0123abc789");
}

TEST_CASE("a write that fails says why", "[write_all]") {
    const Descriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    CHECK(write_all(full.number(), bytes_of("x")) == ENOSPC);
    CHECK(write_all(-1, bytes_of("x")) == EBADF);
    CHECK(write_all(-1, {}) == 0);
}

}  // namespace dynavg::posix
