#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "daemon/app/service_manager.hpp"
#include "daemon/outputs/log.hpp"
#include "daemon/threads/evaluation.hpp"
#include "daemon/threads/output_thread.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/reference/learner.hpp"
#include "protocol/wire/messages.hpp"
#include "storage/disk.hpp"

namespace dynavg::daemon {

/// The model that the daemon trains, made by its main: so that all else here builds without
/// LibTorch.
struct Learning {
    std::unique_ptr<protocol::Learner> learner;  ///< With the initial reference installed.
    protocol::ReferencePointer initial;
    EvaluateFunction evaluate;       ///< Empty without test data.
    std::string model;               ///< For logs and status.
    protocol::NetworkFields fields;  ///< By which networks are compared.
    WriteReference write_reference;  ///< For [output].
};

/// The process around the App: empty in tests.
struct Hosting {
    std::function<Expected<config::Config, Error>()> read_config;  ///< Again, for a reload.
    ServiceManager* manager = nullptr;                             ///< Borrowed.
};

/// A later start of this node runs elsewhere: to start this one again would not help.
inline constexpr int kExitReplaced = 8;

/// How a run ended.
struct AppOutcome {
    int exit_code = 0;
    /// A joiner without [averaging] has learned the network's: run again with them.
    std::optional<protocol::AveragingSettings> learned;
    config::Config config;  ///< As it was at the end: a reload may have changed it.
};

/// One life of the daemon: wires transports, threads, discovery and core together. The io thread
/// runs the loop here and owns all protocol state; the rules are in protocol/ and discovery/, this
/// class only carries out the actions that they return, in one order (peer::carry_out()).
class App {
public:
    /// `incarnation`: by the clock; a number above those of earlier lives on `disk` is taken
    /// anyway. `disk`: the state folder; null: nothing survives, and a node that is started again
    /// is new.
    App(const config::Config& config, Learning learning, protocol::Incarnation incarnation,
        Log& log, std::shared_ptr<storage::Disk> disk = nullptr, Hosting hosting = {});
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    /// Binds everything. Fails on what the operator must mend: a port in use, a socket file of
    /// another daemon, a state folder of another network.
    [[nodiscard]] Expected<void, Error> start();
    /// Runs until SIGTERM, SIGINT, the end of training with exit_when_done, or a failure. Leaves
    /// the network cleanly, and keeps local training on disk. SIGHUP has it read its file again. A
    /// signal that SignalsHeld holds back is taken here.
    [[nodiscard]] AppOutcome run();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

/// The version of this build, for events and status.
[[nodiscard]] std::string version();

}  // namespace dynavg::daemon
