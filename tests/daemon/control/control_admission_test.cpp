#include "daemon/control/control_admission.hpp"

#include <filesystem>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/client.hpp"
#include "control/replies.hpp"
#include "control/unix_socket.hpp"
#include "daemon/control/control_server.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using dynavg::test::TemporaryFolder;

TEST_CASE("root, the daemon's user and the socket's group may ask, and no other user",
          "[admission]") {
    const Admission admission{.own_user = 990, .socket_group = 991};
    CHECK(may_ask(admission, {.user = 0, .group = 5}));
    CHECK(may_ask(admission, {.user = 990, .group = 5}));
    CHECK(may_ask(admission, {.user = 1000, .group = 991}));
    CHECK(may_ask(admission, {.user = 1000, .group = 1000, .further_groups = {4, 991}}));
    CHECK_FALSE(may_ask(admission, {.user = 1000, .group = 1000, .further_groups = {4, 990, 0}}));
    CHECK_FALSE(may_ask(admission, {.user = 991, .group = 1000}));
}

TEST_CASE("the kernel tells who is at the other end", "[admission]") {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    const posix::Descriptor one(ends[0]);
    const posix::Descriptor other(ends[1]);
    const auto who = credentials_of(one.number());
    REQUIRE(who);
    CHECK(who->user == geteuid());
    CHECK(who->group == getegid());
    CHECK(who->further_groups.size() == static_cast<std::size_t>(getgroups(0, nullptr)));
    CHECK_FALSE(credentials_of(-1));
}

namespace {

/// Asks as this user, in a process of its own. 0: answered, 1: refused, 2: could not connect.
int ask_as(const std::filesystem::path& socket, uid_t user, gid_t group) {
    const pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, nullptr) != 0 || setgid(group) != 0 || setuid(user) != 0) _exit(9);
        const auto reply = control::ask(socket, control::request("status"));
        _exit(!reply ? 2 : (*reply)["ok"] == true ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a socket that was opened to all still answers its group only", "[admission]") {
    if (geteuid() != 0) {
        WARN("skipped: only root can ask as somebody else");
        return;
    }
    constexpr uid_t kSomebody = 12345;
    constexpr gid_t kGroup = 12346;
    const TemporaryFolder folder;
    const std::filesystem::path socket = folder / "s";
    boost::asio::io_context io;
    auto work = boost::asio::make_work_guard(io);
    auto server = ControlServer::listen(io, {.socket = socket}, [](const nlohmann::json&) {
                      return control::done_reply();
                  }).value();
    REQUIRE(chmod(socket.parent_path().c_str(), 0755) == 0);
    std::thread thread([&io] { io.run(); });
    CHECK(ask_as(socket, kSomebody, kSomebody) == 2);
    REQUIRE(chmod(socket.c_str(), 0666) == 0);
    CHECK(ask_as(socket, kSomebody, kSomebody) == 1);
    CHECK(ask_as(socket, 0, 0) == 0);
    // The group is that of the file, whoever gave it to it.
    REQUIRE(chown(socket.c_str(), 0, kGroup) == 0);
    CHECK(ask_as(socket, kSomebody, kGroup) == 0);
    boost::asio::post(io, [&] {
        server.reset();
        work.reset();
    });
    thread.join();
}
