#include <nlohmann/json.hpp>

#include "control/round_replies.hpp"
#include "daemon/app/app_parts.hpp"
#include "daemon/control/status.hpp"
#include "daemon/outputs/metrics.hpp"
#include "protocol/base/address.hpp"

// Numbers for Prometheus and for the status page.

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;
using Json = nlohmann::json;

namespace {

Json number_or_null(const std::optional<double>& number) {
    return number ? Json(*number) : Json(nullptr);
}

Json to_json(const StatusSample& sample) {
    return {{"at_ms", sample.at_ms},
            {"estimate", number_or_null(sample.estimate)},
            {"threshold", sample.threshold},
            {"drift", number_or_null(sample.drift)},
            {"accuracy", number_or_null(sample.accuracy)},
            {"epoch", sample.epoch}};
}

}  // namespace

/// Only where the configuration asks for it.
Expected<void, Error> App::Parts::open_metrics() {
    if (config.metrics.bind.empty()) return {};
    const auto address = protocol::parse_tcp_address(config.metrics.bind);
    if (!address) return fail("[metrics] bind is no address");
    MetricsServerOptions options;
    options.host = address->host;
    options.port = address->port;
    MetricsTexts texts;
    texts.metrics = [this] { return exposition(metrics_inputs()); };
    texts.status = [this] { return page_status(); };
    auto server = MetricsServer::listen(io, std::move(options), std::move(texts));
    if (!server) return Unexpected<Error>(std::move(server.error()));
    metrics = std::move(*server);
    const bool open = !metrics->is_loopback();
    report(Event("metrics_offered", open ? Level::warning : Level::info,
                 open ? "every machine that reaches this address can read the metrics and the "
                        "status page: let "
                        "a firewall decide who does"
                      : "metrics are at /metrics, a status page is at /")
               .with("address", metrics->address()));
    sample_status();
    return {};
}

MetricsInputs App::Parts::metrics_inputs() const {
    MetricsInputs inputs;
    inputs.status = status();
    inputs.rounds = round_log.counts();
    inputs.traffic = counters();
    inputs.log = log.counts();
    if (checkpoints) inputs.disk_free = checkpoints->free_bytes();
    return inputs;
}

std::string App::Parts::page_status() const {
    Json samples = Json::array();
    for (const StatusSample& sample : status_history.samples()) samples.push_back(to_json(sample));
    const Json all{{"status", control::to_reply(status())},
                   {"peers", control::to_reply(peers_reply(*node, now()))["peers"]},
                   {"rounds", control::to_reply(round_log.last(control::kRoundsKept))["rounds"]},
                   {"history", std::move(samples)}};
    return control::to_line(all);
}

/// For the page's charts.
void App::Parts::sample_status() {
    if (node) {
        const control::StatusReply seen = status();
        status_history.add(
            {unix_ms(), seen.estimate, seen.threshold, seen.drift, seen.accuracy, seen.epoch},
            now());
    }
    sample_timer.expires_after(StatusHistory::kIntervalFirst);
    sample_timer.async_wait([this](const boost::system::error_code& error) {
        if (!error && !stopping) sample_status();
    });
}

}  // namespace dynavg::daemon
