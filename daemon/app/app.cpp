#include "daemon/app/app.hpp"

#include <utility>

#include "daemon/app/app_parts.hpp"
#include "daemon/app/signals.hpp"

namespace dynavg::daemon {

namespace {

/// How long goodbyes may take to leave at the end.
constexpr std::chrono::milliseconds kGoodbyeLinger{500};

}  // namespace

std::string version() {
    return DYNAVG_VERSION;
}

App::Parts::Parts(const config::Config& configuration, Learning made, protocol::Incarnation life,
                  Log& out, std::shared_ptr<storage::Disk> state, Hosting host)
    : config(configuration),
      learning(std::move(made)),
      log(out),
      hosting(std::move(host)),
      disk(std::move(state)) {
    self.order = config.node.order;
    self.id = protocol::PeerId::from_name(config.node.name);
    self.incarnation = life;
}

App::App(const config::Config& config, Learning learning, protocol::Incarnation incarnation,
         Log& log, std::shared_ptr<storage::Disk> disk, Hosting hosting)
    : m_parts(std::make_unique<Parts>(config, std::move(learning), incarnation, log,
                                      std::move(disk), std::move(hosting))) {}

App::~App() {
    m_parts->stop();
    // The trainer first: a freeze of the exchange thread waits for it.
    if (m_parts->trainer) m_parts->trainer->stop();
    if (m_parts->exchange) m_parts->exchange->stop();
    if (m_parts->evaluator) m_parts->evaluator->stop();
    if (m_parts->output) m_parts->output->stop();
    if (m_parts->transport) m_parts->transport->stop(kGoodbyeLinger);
}

Expected<void, Error> App::start() {
    return m_parts->start();
}

AppOutcome App::run() {
    {
        const SignalsReleased released;
        m_parts->io.run();
    }
    m_parts->keep_last();
    m_parts->outcome.config = m_parts->config;
    return m_parts->outcome;
}

}  // namespace dynavg::daemon
