#include "tools/doctor/diagnosis.hpp"

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::doctor;
using Catch::Matchers::Contains;

namespace {

DaemonFacts running() {
    DaemonFacts daemon;
    daemon.socket = "/run/dynavg/control.sock";
    daemon.answers = true;
    daemon.version = daemon.own_version = "0.1.0";
    daemon.node = "a";
    daemon.network = "n";
    daemon.pid = 12;
    return daemon;
}

KeyFacts sound_keys() {
    KeyFacts keys;
    keys.folder = {"/s", true, "", 0755, "dynavg"};
    keys.files = {{"/s/identity.key", true, "", 0600, "dynavg"}, {"/s/token", false, "", 0, ""}};
    keys.own_key = "abc";
    return keys;
}

LearningFacts sound_learning() {
    LearningFacts learning;
    learning.data_where = "/data";
    learning.samples = 10;
    learning.data_shape = learning.model_shape = "1 x 28 x 28";
    learning.model = "mlp";
    learning.parameters = 5;
    learning.read_as = "dynavg";
    return learning;
}

/// The one finding there is.
Finding only(const std::vector<Finding>& findings) {
    REQUIRE(findings.size() == 1);
    return findings.front();
}

}  // namespace

TEST_CASE("every problem of a configuration is a finding", "[diagnosis]") {
    const auto findings = diagnose_configuration("a.toml", "a.toml:1:1: x\na.toml:2:1: y");
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].level == Level::failure);
    CHECK(findings[0].what == "a.toml:1:1: x");
    CHECK(findings[1].what == "a.toml:2:1: y");
}

TEST_CASE("a daemon that does not run is a warning, and its health is told if it does",
          "[diagnosis]") {
    DaemonFacts daemon = running();
    CHECK(only(diagnose_daemon(daemon)).level == Level::ok);
    daemon.health = {{"no-peers", "nobody is here"}};
    const auto findings = diagnose_daemon(daemon);
    REQUIRE(findings.size() == 2);
    CHECK(findings[1].level == Level::warning);
    CHECK(findings[1].where == "no-peers");
    daemon.health.clear();
    daemon.own_version = "0.2.0";
    CHECK(diagnose_daemon(daemon).back().fix == "systemctl restart dynavgd");
    daemon.answers = false;
    daemon.no_answer = "no daemon answers";
    CHECK(only(diagnose_daemon(daemon)).level == Level::warning);
    CHECK_THAT(only(diagnose_daemon(daemon)).fix, Contains("systemctl start dynavgd"));
}

TEST_CASE("a sound key is told by its public half", "[diagnosis]") {
    const Finding finding = only(diagnose_keys(sound_keys()));
    CHECK(finding.level == Level::ok);
    CHECK_THAT(finding.what, Contains("abc"));
}

TEST_CASE("a key that others can read, or that is another user's, is a failure with its command",
          "[diagnosis]") {
    KeyFacts keys = sound_keys();
    keys.files[0].mode = 0640;
    keys.error = "cannot be read";
    CHECK(only(diagnose_keys(keys)).level == Level::failure);
    CHECK_THAT(only(diagnose_keys(keys)).fix, Contains("chmod 600 /s/identity.key"));
    keys = sound_keys();
    keys.files[0].owner = "root";
    CHECK(only(diagnose_keys(keys)).fix == "chown dynavg /s/identity.key");
    keys = sound_keys();
    keys.files[1] = {"/s/token", true, "", 0604, "dynavg"};
    CHECK_THAT(only(diagnose_keys(keys)).fix, Contains("chmod 600 /s/token"));
    keys = sound_keys();
    keys.folder.mode = 0775;
    CHECK(only(diagnose_keys(keys)).fix == "chmod go-w /s");
    keys = sound_keys();
    keys.error = "holds no key";
    CHECK(only(diagnose_keys(keys)).what == "holds no key");
}

TEST_CASE("a user who may not look at a key is told how to", "[diagnosis]") {
    KeyFacts keys = sound_keys();
    keys.files.resize(1);
    keys.files[0] = {"/s/identity.key", false, "Permission denied", 0, ""};
    CHECK(only(diagnose_keys(keys)).level == Level::failure);
    CHECK_THAT(only(diagnose_keys(keys)).fix, Contains("sudo"));
}

TEST_CASE("no key yet, and a network without keys, are warnings", "[diagnosis]") {
    KeyFacts keys = sound_keys();
    keys.files[0].exists = false;
    CHECK(only(diagnose_keys(keys)).level == Level::warning);
    CHECK_THAT(only(diagnose_keys(keys)).fix, Contains("dynavg keygen"));
    keys.wanted = false;
    CHECK(only(diagnose_keys(keys)).where == "[security] insecure");
}

TEST_CASE("a disk without room for the next files is a failure", "[diagnosis]") {
    DiskFacts disk{"/s", 999'999, 1'000'000};
    CHECK(diagnose_disk(disk).level == Level::failure);
    disk.free = disk.wanted;
    CHECK(diagnose_disk(disk).level == Level::ok);
    disk.wanted.reset();
    CHECK(diagnose_disk(disk).level == Level::ok);
    disk.free.reset();
    CHECK(diagnose_disk(disk).level == Level::warning);
}

TEST_CASE("a port is free, the daemon's, somebody's, or not this machine's", "[diagnosis]") {
    const DaemonFacts stopped;
    PortFacts port;
    port.use = "direct";
    port.address = "0.0.0.0:7400";
    port.is_free = true;
    CHECK(diagnose_port(port, stopped).level == Level::ok);
    // Free while the daemon runs: it has others.
    CHECK(diagnose_port(port, running()).fix == "systemctl restart dynavgd");
    port.is_free = false;
    port.in_use = true;
    port.holder = "nginx (pid 812)";
    CHECK(diagnose_port(port, stopped).level == Level::failure);
    CHECK(diagnose_port(port, stopped).what == "held by nginx (pid 812)");
    port.holder.clear();
    CHECK_THAT(diagnose_port(port, stopped).what, Contains("another program"));
    port.is_ours = true;
    CHECK(diagnose_port(port, running()).level == Level::ok);
    port = {};
    port.error = "no such address";
    CHECK(diagnose_port(port, stopped).level == Level::failure);
    CHECK_THAT(diagnose_port(port, stopped).what, Contains("no such address"));
}

TEST_CASE("data must be readable and of the model's shape", "[diagnosis]") {
    LearningFacts learning = sound_learning();
    auto findings = diagnose_learning(learning);
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].level == Level::ok);
    CHECK(findings[1].level == Level::ok);
    learning.data_shape = "1 x 20 x 20";
    findings = diagnose_learning(learning);
    CHECK(findings[0].level == Level::failure);
    CHECK(findings[0].what == "images of 1 x 20 x 20, and the model takes 1 x 28 x 28");
    learning.data_error = "/data/train: Permission denied";
    CHECK_THAT(diagnose_learning(learning)[0].what, Contains("Permission denied"));
    CHECK_THAT(diagnose_learning(learning)[0].fix, Contains("readable for dynavg"));
    learning.model_error = "weights.bin: not the model's";
    CHECK(diagnose_learning(learning)[1].level == Level::failure);
}

TEST_CASE("the BLAS that LibTorch calls is told by its file", "[diagnosis]") {
    const std::string folder = "/usr/lib/x86_64-linux-gnu/";
    CHECK(blas_of({folder + "libzmq.so.5"}).kind == Blas::none);
    CHECK(blas_of({folder + "blas/libblas.so.3.11.0"}).kind == Blas::reference);
    CHECK(blas_of({folder + "openblas-pthread/libblas.so.3"}).kind == Blas::openblas);
    CHECK(blas_of({folder + "blis-openmp/libblas.so.3"}).kind == Blas::other);
    // OpenBLAS may be loaded for LAPACK alone.
    CHECK(blas_of({folder + "openblas-pthread/libopenblasp-r0.3.21.so",
                   folder + "blas/libblas.so.3.11.0"})
              .kind == Blas::reference);
    CHECK(blas_of({folder + "openblas-pthread/libopenblasp-r0.3.21.so"}).kind == Blas::openblas);
    CHECK(diagnose_blas({Blas::reference, "x"}).level == Level::warning);
    CHECK_THAT(diagnose_blas({Blas::reference, "x"}).fix, Contains("libopenblas0-pthread"));
    CHECK(diagnose_blas({Blas::openblas, "x"}).level == Level::ok);
    CHECK(diagnose_blas({Blas::none, ""}).level == Level::warning);
}

TEST_CASE("all parts have a say, in one order", "[diagnosis]") {
    Facts facts;
    facts.config_file = "a.toml";
    facts.daemon = running();
    facts.keys = sound_keys();
    facts.disk = {"/s", 10, 5};
    facts.learning = sound_learning();
    facts.blas = {Blas::openblas, "x"};
    std::vector<std::string> checks;
    for (const Finding& finding : diagnose(facts)) {
        CHECK(finding.level == Level::ok);
        checks.push_back(finding.check);
    }
    CHECK(checks == std::vector<std::string>{"config", "daemon", "keys", "disk", "ports", "data",
                                             "model", "blas", "peer"});
}
