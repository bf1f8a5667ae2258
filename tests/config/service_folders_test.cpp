#include "config/service_folders.hpp"

#include "tests/catch.hpp"

using namespace dynavg::config;

TEST_CASE("a unit's folders are used where the file names none", "[service_folders]") {
    Config config;
    use_given_folders(config, "/var/lib/dynavg/a", "/run/dynavg/a");
    CHECK(config.node.state_dir == "/var/lib/dynavg/a");
    CHECK(config.node.control == "/run/dynavg/a/control.sock");

    config = {};
    config.positions["node.state_dir"] = {};
    config.node.state_dir = "/srv/state";
    use_given_folders(config, "/var/lib/dynavg/a", "/run/one:/run/two");
    CHECK(config.node.state_dir == "/srv/state");
    CHECK(config.node.control == NodeConfig().control);
    use_given_folders(config, "", "");
    CHECK(config.node.control == NodeConfig().control);
}

TEST_CASE("a file in /etc/dynavg has the folders of its unit, in whatever way it is named",
          "[service_folders]") {
    for (const char* of_no_instance :
         {"/etc/dynavg/dynavg.toml", "/home/me/node-a.toml", "/etc/dynavg/node-a.toml.bak"}) {
        CAPTURE(of_no_instance);
        Config config;
        use_service_folders(config, of_no_instance);
        CHECK(config.node.state_dir == NodeConfig().state_dir);
        CHECK(config.node.control == NodeConfig().control);
    }
    for (const char* of_node_a : {"/etc/dynavg/node-a.toml", "/etc/../etc/dynavg/./node-a.toml"}) {
        CAPTURE(of_node_a);
        Config config;
        use_service_folders(config, of_node_a);
        CHECK(config.node.state_dir == "/var/lib/dynavg/node-a");
        CHECK(config.node.control == "/run/dynavg/node-a/control.sock");
    }
}

TEST_CASE("a unit's paths are the configuration's defaults", "[service_folders]") {
    const ServicePaths unit = service_paths("");
    CHECK(unit.config == "/etc/dynavg/dynavg.toml");
    CHECK(unit.state == NodeConfig().state_dir);
    CHECK(unit.control == NodeConfig().control);
    const ServicePaths instance = service_paths("node-a");
    CHECK(instance.config == "/etc/dynavg/node-a.toml");
    CHECK(instance.state == "/var/lib/dynavg/node-a");
    CHECK(instance.control == "/run/dynavg/node-a/control.sock");
}
