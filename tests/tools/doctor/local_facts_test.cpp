#include "tools/doctor/local_facts.hpp"

#include <algorithm>
#include <fstream>

#include <sys/stat.h>
#include <zmq.hpp>

#include "daemon/transport/zmq_sockets.hpp"
#include "identity/key_file.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::doctor;

namespace {

config::Config config_in(const test::TemporaryFolder& folder) {
    config::Config config;
    config.node.state_dir = folder.path() / "state";
    return config;
}

}  // namespace

TEST_CASE("a key is looked at without being made", "[local_facts]") {
    const test::TemporaryFolder folder;
    config::Config config = config_in(folder);
    KeyFacts facts = look_at_keys(config);
    CHECK(facts.wanted);
    CHECK_FALSE(facts.folder.exists);
    CHECK_FALSE(facts.files.front().exists);
    CHECK_FALSE(std::filesystem::exists(config.node.state_dir));

    const auto own = identity::load_or_make_identity(config.node.state_dir);
    REQUIRE(own);
    facts = look_at_keys(config);
    CHECK(facts.own_key == own->id.hex());
    CHECK(facts.files.front().mode == 0600);
    CHECK(facts.files.front().owner == facts.folder.owner);
    CHECK(facts.error.empty());

    REQUIRE(chmod((config.node.state_dir / "identity.key").c_str(), 0640) == 0);
    facts = look_at_keys(config);
    CHECK(facts.files.front().mode == 0640);
    CHECK_FALSE(facts.error.empty());

    config.security.insecure = true;
    CHECK_FALSE(look_at_keys(config).wanted);
}

TEST_CASE("a port is free, held by somebody, or held by the daemon", "[local_facts]") {
    const auto context = daemon::make_zmq_context();
    zmq::socket_t socket(*context, zmq::socket_type::router);
    // The port and two free ones after it, unless somebody else was quicker.
    std::uint16_t port = 0;
    for (int i = 0; i < 50 && port == 0; ++i) {
        const auto bound = daemon::bind_socket(socket, {"127.0.0.1", 0});
        REQUIRE(bound);
        config::Config config;
        config.node.bind = "tcp://127.0.0.1:" + std::to_string(*bound);
        const auto ports = look_at_ports(config, {});
        if (*bound < 65000 && ports.size() == 3 && ports[1].is_free && ports[2].is_free) {
            port = *bound;
        }
    }
    REQUIRE(port != 0);
    config::Config config;
    config.node.bind = "tcp://127.0.0.1:" + std::to_string(port);
    const auto stopped = look_at_ports(config, {});
    CHECK(stopped[0].use == "direct");
    CHECK(stopped[0].in_use);
    CHECK_FALSE(stopped[0].is_ours);
    CHECK(stopped[0].holder == "doctor_tests (pid " + std::to_string(getpid()) + ")");
    const auto running = look_at_ports(config, getpid());
    CHECK(running[0].is_ours);
    CHECK_FALSE(running[1].is_ours);
    config.node.bind = "tcp://127.0.0.1:0";
    CHECK(look_at_ports(config, {}).empty());
    // TEST-NET-1 is no machine's address.
    config.node.bind = "tcp://192.0.2.1:7400";
    CHECK_FALSE(look_at_ports(config, {}).at(0).error.empty());
}

TEST_CASE("room is told also for a folder that is still to be made", "[local_facts]") {
    const test::TemporaryFolder folder;
    CHECK(free_bytes(folder.path()).value_or(0) > 0);
    CHECK(free_bytes(folder.path() / "not" / "yet").value_or(0) > 0);
}

TEST_CASE("the libraries of this process are told by their files", "[local_facts]") {
    const auto files = loaded_libraries();
    CHECK(std::any_of(files.begin(), files.end(), [](const std::string& file) {
        return file.find("libzmq.so") != std::string::npos && std::filesystem::exists(file);
    }));
}
