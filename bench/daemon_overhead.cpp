#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "config/config.hpp"
#include "daemon/app/app.hpp"
#include "daemon/outputs/log.hpp"
#include "training/assembly/learning.hpp"
#include "training/process.hpp"

// The cost of the daemon to the training: steps per second of LeNet-5 with the linear monitor, in
// the daemon with one peer and in a bare loop without a monitor, in turn in one run. Prints ratios,
// not verdicts.

namespace {

using namespace dynavg;
using SteadyClock = std::chrono::steady_clock;

constexpr int kPairs = 7;
constexpr std::uint64_t kSteps = 1500;

/// Passes everything on, and remembers when the first and the last update were done.
class TimedLearner final : public protocol::Learner {
public:
    struct Times {
        SteadyClock::time_point first{};
        SteadyClock::time_point last{};
        std::uint64_t updates = 0;
        [[nodiscard]] double rate() const {
            return static_cast<double>(updates - 1) /
                   std::chrono::duration<double>(last - first).count();
        }
    };

    TimedLearner(std::unique_ptr<protocol::Learner> inner, std::shared_ptr<Times> times)
        : m_inner(std::move(inner)), m_times(std::move(times)) {}

    [[nodiscard]] protocol::ReferenceShape shape() const override { return m_inner->shape(); }
    double compute_gradient() override { return m_inner->compute_gradient(); }
    void apply_update() override {
        m_inner->apply_update();
        m_times->last = SteadyClock::now();
        if (m_times->updates++ == 0) m_times->first = m_times->last;
    }
    [[nodiscard]] protocol::LocalState local_state() const override {
        return m_inner->local_state();
    }
    void copy_contribution(std::span<float> out) const override { m_inner->copy_contribution(out); }
    void install(protocol::ReferencePointer reference, std::span<const float> base) override {
        m_inner->install(std::move(reference), base);
    }
    void set_model(std::span<const float> values) override { m_inner->set_model(values); }
    bool restore(protocol::ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> optimizer, std::uint64_t steps) override {
        return m_inner->restore(std::move(reference), values, optimizer, steps);
    }
    [[nodiscard]] std::vector<std::byte> optimizer_state() const override {
        return m_inner->optimizer_state();
    }
    void reset_to_reference() override { m_inner->reset_to_reference(); }

private:
    std::unique_ptr<protocol::Learner> m_inner;
    std::shared_ptr<Times> m_times;
};

config::Config make_config(const std::filesystem::path& folder) {
    const auto text = fmt::format(
        "[node]\nnetwork = \"bench\"\nname = \"alone\"\nbind = \"tcp://127.0.0.1:0\"\n"
        "state_dir = \"{0}\"\ncontrol = \"{0}/control.sock\"\n"
        "[model]\nbuiltin = \"lenet5\"\n[data]\nsource = \"synthetic-digits\"\nsamples = 8000\n"
        "[training]\nmax_steps = {1}\nexit_when_done = true\n"
        "[averaging]\nmonitor = \"linear\"\nthreshold = 5.0\n[security]\ninsecure = true\n",
        folder.string(), kSteps);
    auto config = config::parse_config(text, "bench");
    if (!config) {
        fmt::print(stderr, "{}\n", config.error().message);
        std::exit(1);
    }
    return std::move(*config);
}

struct Subject {
    std::shared_ptr<TimedLearner::Times> times = std::make_shared<TimedLearner::Times>();
    std::unique_ptr<TimedLearner> learner;
};

Subject make_subject(const config::Config& config, const assembly::Data& data,
                     const protocol::ReferencePointer& initial) {
    Subject subject;
    auto trainer = assembly::make_trainer(config, config.averaging, data, {}, initial);
    if (!trainer) std::exit(1);
    subject.learner = std::make_unique<TimedLearner>(std::move(*trainer), subject.times);
    return subject;
}

double bare_rate(Subject subject) {
    for (std::uint64_t step = 0; step < kSteps; ++step) {
        subject.learner->compute_gradient();
        subject.learner->apply_update();
    }
    return subject.times->rate();
}

double daemon_rate(Subject subject, const config::Config& config,
                   const protocol::ReferencePointer& initial, daemon::Log& log, int run) {
    daemon::Learning learning;
    learning.learner = std::move(subject.learner);
    learning.initial = initial;
    learning.model = "lenet5";
    learning.fields = assembly::network_fields(config, *initial);
    daemon::App app(config, std::move(learning),
                    protocol::Incarnation(static_cast<std::uint32_t>(run) + 1), log);
    if (const auto started = app.start(); !started) {
        fmt::print(stderr, "{}\n", started.error().message);
        std::exit(1);
    }
    (void)app.run();
    return subject.times->rate();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main() {
    training::configure_process(1);
    std::string folder = "/tmp/dynavg-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) return 1;
    const config::Config config = make_config(folder);
    const auto data = assembly::load_data(config.data);
    const auto initial = assembly::make_initial_reference(config, config.averaging).value();
    daemon::LogOptions log_options;
    log_options.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    daemon::Log log(log_options);

    std::vector<double> ratios;
    for (int pair = 0; pair <= kPairs; ++pair) {
        const double bare = bare_rate(make_subject(config, *data, initial));
        const double daemon =
            daemon_rate(make_subject(config, *data, initial), config, initial, log, pair);
        if (pair == 0) continue;  // Warms caches and clocks.
        ratios.push_back(daemon / bare);
        fmt::print("bare loop {:.0f} steps/s, daemon {:.0f} steps/s, ratio {:.3f}\n", bare, daemon,
                   ratios.back());
    }
    fmt::print("daemon / bare loop: median {:.3f}, least {:.3f}, most {:.3f} of {} pairs\n",
               median(ratios), *std::min_element(ratios.begin(), ratios.end()),
               *std::max_element(ratios.begin(), ratios.end()), ratios.size());
    std::filesystem::remove_all(folder);
    return 0;
}
