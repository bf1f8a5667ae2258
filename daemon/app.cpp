#include "daemon/app.hpp"

#include <utility>

#include "daemon/app_parts.hpp"

namespace dynavg::daemon {

namespace {

/// How long goodbyes may take to leave at the end.
constexpr std::chrono::milliseconds kGoodbyeLinger{500};

}  // namespace

std::string version() {
    return DYNAVG_VERSION;
}

App::Parts::Parts(const config::Config& configuration, Learning made, protocol::Incarnation life,
                  Log& out)
    : config(configuration), learning(std::move(made)), log(out) {
    self.order = config.node.order;
    self.id = protocol::PeerId::from_name(config.node.name);
    self.incarnation = life;
}

App::App(const config::Config& config, Learning learning, protocol::Incarnation incarnation,
         Log& log)
    : m_parts(std::make_unique<Parts>(config, std::move(learning), incarnation, log)) {}

App::~App() {
    m_parts->stop();
    // The trainer first: a freeze of the exchange thread waits for it.
    if (m_parts->trainer) m_parts->trainer->stop();
    if (m_parts->exchange) m_parts->exchange->stop();
    if (m_parts->evaluator) m_parts->evaluator->stop();
    if (m_parts->transport) m_parts->transport->stop(kGoodbyeLinger);
}

Expected<void, Error> App::start() {
    return m_parts->start();
}

AppOutcome App::run() {
    m_parts->io.run();
    return m_parts->outcome;
}

}  // namespace dynavg::daemon
