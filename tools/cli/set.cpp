#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

struct SetOptions {
    DaemonOptions daemon;
    double threshold = 0;
    std::string rate;
};

ExitCode set_threshold(const SetOptions& options) {
    return order_daemon(
        options.daemon, control::set_request("threshold", options.threshold),
        fmt::format("The threshold {:.4g} goes into the next round that this peer takes part "
                    "in; all peers\nhave it from then on (dynavg status).",
                    options.threshold));
}

ExitCode set_rate(const SetOptions& options) {
    const auto rate = bytes_from_text(options.rate);
    if (!rate) {
        complain(fmt::format("{} is no rate; bytes per second are wanted, as 500k or 2M, or none",
                             options.rate));
        return ExitCode::wrong_arguments;
    }
    const std::string said =
        *rate == 0 ? "Models are sent as fast as the network allows."
                   : fmt::format(
                         "Models are sent no faster than {} per second, until the next "
                         "start; for longer:\n[node] exchange_bytes_per_second = {}",
                         bytes_text(*rate), *rate);
    return order_daemon(options.daemon,
                        control::set_request("exchange-rate", static_cast<double>(*rate)), said);
}

void add_threshold(CLI::App& set, const std::shared_ptr<SetOptions>& options, ExitCode& result) {
    CLI::App* key = set.add_subcommand("threshold",
                                       "When models count as drifted apart: all peers "
                                       "take it over with the next round");
    key->add_option("value", options->threshold, "Above 0")->required()->type_name("X");
    add_daemon_options(*key, options->daemon);
    key->footer("Example:\n  dynavg set threshold 2.5");
    key->callback([options, &result] { result = set_threshold(*options); });
}

void add_rate(CLI::App& set, const std::shared_ptr<SetOptions>& options, ExitCode& result) {
    CLI::App* key = set.add_subcommand(
        "exchange-rate", "How fast this peer sends models at most, until its next start");
    key->add_option("value", options->rate, "Bytes per second, with k, M or G; or none")
        ->required()
        ->type_name("RATE");
    add_daemon_options(*key, options->daemon);
    key->footer("Example:\n  dynavg set exchange-rate 2M");
    key->callback([options, &result] { result = set_rate(*options); });
}

}  // namespace

void add_set(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("set", "Change a running network or daemon");
    verb->require_subcommand(1);
    verb->footer("Example:\n  dynavg set threshold 2.5");
    const auto options = std::make_shared<SetOptions>();
    add_threshold(*verb, options, result);
    add_rate(*verb, options, result);
}

}  // namespace dynavg::cli
