#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>
#include <zmq.hpp>

#include "control/checks.hpp"
#include "control/client.hpp"
#include "control/replies.hpp"
#include "daemon/app/app.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "identity/key_file.hpp"
#include "identity/token.hpp"
#include "identity/trust.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/exchange/reference_holder.hpp"
#include "protocol/wire/codec.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/posix_disk.hpp"
#include "storage/restore.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/app/fake_manager.hpp"
#include "tests/daemon/threads/fake_learner.hpp"
#include "tests/daemon/threads/locked_disk.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using dynavg::test::TemporaryFolder;
using Json = nlohmann::json;
using protocol::PeerId;

/// Only ends a test that has failed.
constexpr std::chrono::seconds kDeadline{30};

/// The log of all nodes of a test, read as it comes.
class EventPipe {
public:
    EventPipe() { REQUIRE(pipe(m_ends.data()) == 0); }
    ~EventPipe() {
        for (const int end : m_ends) close(end);
    }
    EventPipe(const EventPipe&) = delete;
    EventPipe& operator=(const EventPipe&) = delete;
    [[nodiscard]] int fd() const { return m_ends[1]; }

    /// The node's first event of this name, past ones included; null if it does not come.
    Json wait_for(const std::string& node, const std::string& event) {
        const auto deadline = std::chrono::steady_clock::now() + kDeadline;
        std::size_t looked_at = 0;
        while (true) {
            for (; looked_at < m_events.size(); ++looked_at) {
                const Json& line = m_events[looked_at];
                if (line["node"] == node && line["event"] == event) return line;
            }
            if (std::chrono::steady_clock::now() > deadline) return {};
            read_more();
        }
    }
    /// Reads what has been logged by now.
    [[nodiscard]] const std::vector<Json>& events() {
        while (read_more(0ms)) {
        }
        return m_events;
    }
    /// Later events only are waited for from here on.
    void forget() {
        (void)events();
        m_events.clear();
    }
    [[nodiscard]] std::size_t count(const std::string& event) {
        (void)events();
        return static_cast<std::size_t>(
            std::count_if(m_events.begin(), m_events.end(),
                          [&event](const Json& line) { return line["event"] == event; }));
    }

private:
    bool read_more(std::chrono::milliseconds patience = 100ms) {
        pollfd poll_fd{m_ends[0], POLLIN, 0};
        if (poll(&poll_fd, 1, static_cast<int>(patience.count())) <= 0) return false;
        std::array<char, 65536> buffer{};
        const ssize_t size = read(m_ends[0], buffer.data(), buffer.size());
        if (size <= 0) return false;
        m_rest.append(buffer.data(), static_cast<std::size_t>(size));
        for (std::size_t end = 0; (end = m_rest.find('\n')) != std::string::npos;) {
            m_events.push_back(Json::parse(m_rest.substr(0, end)));
            m_rest.erase(0, end + 1);
        }
        return true;
    }

    std::array<int, 2> m_ends{-1, -1};
    std::string m_rest;
    std::vector<Json> m_events;
};

inline config::Config config_of(const std::string& name, const TemporaryFolder& folder) {
    config::Config config;
    config.security.insecure = true;
    config.node.network = "test";
    config.node.name = name;
    config.node.bind = "tcp://127.0.0.1:0";
    config.node.control = folder / (name + ".sock");
    config.node.start_peers = 2;
    config.training.max_steps = 40;
    config.training.exit_when_done = true;
    config.averaging.monitor = protocol::MonitorKind::norm;
    config.averaging.threshold = 200;
    config.averaging.state_interval = 1ms;
    config.has_averaging_section = true;
    return config;
}

inline config::Config keyed_config_of(const std::string& name, const TemporaryFolder& folder) {
    config::Config config = config_of(name, folder);
    config.security.insecure = false;
    config.node.state_dir = folder / name;
    return config;
}

inline protocol::ReferencePointer initial_reference(const config::Config& config) {
    return protocol::make_initial_reference({3, 0, false}, {0, 0, 0}, config.averaging.threshold,
                                            1);
}

inline Learning learning_of(const config::Config& config, float update) {
    Learning learning;
    learning.initial = initial_reference(config);
    auto learner = std::make_unique<FakeLearner>(learning.initial);
    learner->update = update;
    learning.learner = std::move(learner);
    if (config.node.role == protocol::Role::observer) {
        learning.learner = std::make_unique<protocol::ReferenceHolder>(learning.initial);
    }
    learning.write_reference = [](const std::filesystem::path& path,
                                  const protocol::Reference& reference) -> Expected<void, Error> {
        std::ofstream(path) << reference.id.digest.hex();
        return {};
    };
    learning.model = "fake";
    if (config.has_averaging_section) learning.fields = fields_of(config.averaging);
    learning.fields["network"] = config.node.network;
    learning.fields["model"] = "fake";
    if (config.data.test) {
        learning.evaluate = [](std::span<const float> values, std::uint64_t) {
            return protocol::Evaluation{static_cast<double>(values[0]) / 100, 0.5, 10};
        };
    }
    return learning;
}

/// One daemon on a thread of its own, as its main would run it.
class RunningNode {
public:
    RunningNode(config::Config config, EventPipe& events, float update = 1,
                std::shared_ptr<storage::Disk> disk = nullptr, Hosting hosting = {})
        : m_config(std::move(config)),
          m_events(events),
          m_disk(std::move(disk)),
          m_hosting(std::move(hosting)),
          m_ended(std::async(std::launch::async, [this, update] { return run(update); })) {}
    ~RunningNode() {
        if (m_ended.valid()) (void)end();
    }
    RunningNode(const RunningNode&) = delete;
    RunningNode& operator=(const RunningNode&) = delete;

    /// Where it listens; empty if it does not.
    [[nodiscard]] std::string address() {
        const Json started = m_events.wait_for(m_config.node.name, "started");
        return started.is_null() ? "" : started["bind"].get<std::string>();
    }
    /// One that does not end by itself in time is told to, and its exit code is -1.
    [[nodiscard]] AppOutcome end() {
        const bool late = m_ended.wait_for(kDeadline) != std::future_status::ready;
        if (late) kill(getpid(), SIGTERM);
        AppOutcome outcome = m_ended.get();
        if (late) outcome.exit_code = -1;
        return outcome;
    }

private:
    AppOutcome run(float update) {
        LogOptions options;
        options.format = LogFormat::json;
        options.node = m_config.node.name;
        options.network = m_config.node.network;
        options.fd = m_events.fd();
        Log log(std::move(options));
        protocol::Incarnation incarnation(1);
        App app(m_config, learning_of(m_config, update), incarnation, log, m_disk, m_hosting);
        if (auto started = app.start(); !started) {
            log.write(protocol::Event("failed", protocol::Level::error, started.error().message));
            return {.exit_code = 1, .learned = {}, .config = {}};
        }
        return app.run();
    }

    config::Config m_config;
    EventPipe& m_events;
    std::shared_ptr<storage::Disk> m_disk;
    Hosting m_hosting;
    std::future<AppOutcome> m_ended;
};

inline std::string digest_at(const config::Config& config, std::uint32_t epoch, float value) {
    return make_next_reference(*initial_reference(config), protocol::Epoch(epoch),
                               {value, value, value})
        ->id.digest.hex();
}
