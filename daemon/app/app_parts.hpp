#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json_fwd.hpp>

#include "control/checks.hpp"
#include "control/replies.hpp"
#include "daemon/app/app.hpp"
#include "daemon/app/clock.hpp"
#include "daemon/app/doorkeeper.hpp"
#include "daemon/app/health_watch.hpp"
#include "daemon/app/reload.hpp"
#include "daemon/app/steering.hpp"
#include "daemon/control/control_server.hpp"
#include "daemon/control/status_history.hpp"
#include "daemon/doors/door_watch.hpp"
#include "daemon/doors/peer_checks.hpp"
#include "daemon/outputs/metrics.hpp"
#include "daemon/outputs/metrics_server.hpp"
#include "daemon/outputs/round_log.hpp"
#include "daemon/threads/exchange_thread.hpp"
#include "daemon/threads/output_thread.hpp"
#include "daemon/threads/storage_thread.hpp"
#include "daemon/threads/trainer_thread.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "peer/carry_out.hpp"
#include "peer/node.hpp"
#include "peer/resume.hpp"
#include "protocol/base/event.hpp"
#include "protocol/core/node_core.hpp"

namespace dynavg::daemon {

/// Bytes sent and received until a moment, to tell the cost of a round.
struct Cost {
    std::uint64_t sent = 0;        ///< Averaging.
    std::uint64_t received = 0;    ///< Averaging.
    std::uint64_t monitoring = 0;  ///< Sent.
};

/// The parts of one life of the daemon, in the order in which they are made; the io thread's alone.
/// app_start.cpp makes and wires them, app_storage.cpp keeps the state that survives, app_loop.cpp
/// carries out the actions of the rules, app_report.cpp writes events and answers questions,
/// app_checks.cpp tries the way to peers and back, app_metrics.cpp offers numbers, app_service.cpp
/// deals with the service manager and with a file that is to be read again.
struct App::Parts final : peer::Shell {
    Parts(const config::Config& configuration, Learning made, protocol::Incarnation life, Log& out,
          std::shared_ptr<storage::Disk> state, Hosting host);

    // start
    [[nodiscard]] Expected<void, Error> start();
    [[nodiscard]] Expected<void, Error> open_doors();
    [[nodiscard]] Expected<protocol::Endpoints, Error> bind();
    [[nodiscard]] Expected<void, Error> open_control();
    [[nodiscard]] Expected<void, Error> open_metrics();
    void await_signal();
    void make_node(const protocol::Endpoints& endpoints);
    void start_learning();
    void tell_of_few_samples();
    void start_output(const protocol::ReferencePointer& reference);
    [[nodiscard]] ZmqTransportHandlers transport_handlers();
    [[nodiscard]] ExchangeThreadHandlers exchange_handlers();

    void take_word(const discovery::Told& told) override;

    // what survives this life
    [[nodiscard]] Expected<void, Error> open_storage();
    void go_on_from(storage::Found found);
    [[nodiscard]] StorageThreadHandlers storage_handlers();
    [[nodiscard]] CopyTraining copy_training();
    void keep_training();
    void keep_last();

    // the loop
    void act();
    void disconnect(const protocol::PeerId& peer) override;
    void hang_up(const std::string& address) override;
    void connect(const discovery::Connect& one) override;
    void install(const protocol::Install& install) override;
    void freeze(protocol::Epoch target) override;
    void abort_exchange() override { exchange->abort_exchange(); }
    void set_prepared(const protocol::ReferencePointer& value) override;
    void start_exchange(const protocol::ExchangeOrder& order) override;
    void abort_pull() override { exchange->abort_pull(); }
    void pull(const protocol::PullOrder& order) override;
    void balance(const protocol::BalancingOrder& order) override;
    void allow_steps(std::uint64_t total) override;
    void write(peer::Write write) override;
    void dial(const discovery::Dial& dial, peer::Frame hello) override;
    void reply(const discovery::ConnectionId& connection, peer::Frame frame) override;
    void publish(peer::Frame frame) override;
    void send(const protocol::PeerId& peer, peer::Frame frame) override;
    void wake_at(protocol::Instant when) override;
    void settings_learned(const protocol::NetworkFields& fields) override;
    void give_way() override;
    void finish_if_done();
    void training_complete();
    void depart(const std::string& reason);
    void leave(const std::string& reason, int code);
    void stop();

    // the service that this is a process of
    void watch_over();
    void look_at_trainer();
    void tell_manager();
    void tell_manager_of_end(const std::string& reason);
    [[nodiscard]] Expected<ReloadPlan, Error> reload();
    void apply(const std::string& key, const config::Config& read);
    [[nodiscard]] nlohmann::json answer_reload();

    // outputs
    void report(protocol::Event event) override;
    [[nodiscard]] bool is_observer() const { return config.node.role == protocol::Role::observer; }
    [[nodiscard]] Cost cost() const;
    [[nodiscard]] TransportCounters counters() const;
    [[nodiscard]] nlohmann::json answer(const nlohmann::json& request);
    [[nodiscard]] nlohmann::json forget(const std::string& peer);
    [[nodiscard]] std::vector<control::HealthFinding> health() const;
    void dial_back(const discovery::DialBack& asked) override;
    [[nodiscard]] nlohmann::json check_peers(bool start);
    [[nodiscard]] MetricsInputs metrics_inputs() const;
    [[nodiscard]] std::string page_status() const;
    void sample_status();
    [[nodiscard]] nlohmann::json change_trust(const std::string& verb,
                                              const nlohmann::json& request);
    [[nodiscard]] SteeringHandlers steering_handlers();
    [[nodiscard]] Expected<void, Error> set_threshold(double threshold);
    [[nodiscard]] control::StatusReply status() const;

    config::Config config;
    Learning learning;
    Log& log;
    Hosting hosting;
    protocol::Member self;
    protocol::Instant started_at = now();

    boost::asio::io_context io{1};
    boost::asio::signal_set signals{io};
    boost::asio::steady_timer timer{io};
    boost::asio::steady_timer checkpoint_timer{io};
    boost::asio::steady_timer sample_timer{io};
    boost::asio::steady_timer watch_timer{io};
    ZmqContextPointer context = make_zmq_context();
    std::unique_ptr<Doorkeeper> doorkeeper;  ///< Null: a network without keys, as are `keys`.
    std::shared_ptr<const Keys> keys;
    std::optional<DoorWatch> doors;
    std::optional<peer::Node> node;
    std::optional<ZmqTransport> transport;
    std::optional<ExchangeThread> exchange;
    std::optional<TrainerThread> trainer;
    std::shared_ptr<storage::Disk> disk;  ///< Null: nothing survives this life.
    std::optional<StorageThread> checkpoints;
    std::optional<EvaluationThread> evaluator;
    std::optional<OutputThread> output;  ///< With [output] path.
    std::unique_ptr<ControlServer> control;
    std::unique_ptr<MetricsServer> metrics;                        ///< Null: not asked for.
    std::optional<PeerChecks> peer_checks;                         ///< While one is under way.
    std::optional<std::vector<control::PeerCheck>> peers_checked;  ///< By the last check.

    peer::Resumption resumed;  ///< Where this life has begun.

    Steering steering{config.node.role, config.averaging, config.node.exchange_bytes_per_second,
                      steering_handlers()};
    HealthWatch health_watch;
    AppOutcome outcome;
    bool stopping = false;
    bool completed = false;
    std::optional<std::string> departing;  ///< Why.
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    std::uint64_t rounds = 0;
    Cost last_cost;
    RoundLog round_log;
    StatusHistory status_history;
    /// Reference and steps of the last copy of local training.
    std::optional<std::pair<protocol::ReferenceId, std::uint64_t>> kept_position;
    std::optional<std::pair<protocol::ReferenceId, protocol::Evaluation>> evaluation;
    protocol::ReferencePointer evaluation_asked;
    protocol::Instant next_wake = protocol::kNever;
    protocol::Instant next_status = protocol::Instant::min();
};

}  // namespace dynavg::daemon
