#pragma once

#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "daemon/control/control_server.hpp"

namespace dynavg::daemon {

/// A control server whose io thread runs until the end of the test: a daemon as far as its control
/// socket goes.
class RunningControlServer {
public:
    RunningControlServer(ControlServerOptions options, ControlServer::Handler handler)
        : m_server(ControlServer::listen(m_io, std::move(options), std::move(handler)).value()),
          m_thread([this] { m_io.run(); }) {}
    ~RunningControlServer() {
        boost::asio::post(m_io, [this] {
            m_server.reset();
            m_work.reset();
        });
        m_thread.join();
    }
    RunningControlServer(const RunningControlServer&) = delete;
    RunningControlServer& operator=(const RunningControlServer&) = delete;

private:
    boost::asio::io_context m_io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{
        m_io.get_executor()};
    std::unique_ptr<ControlServer> m_server;
    std::thread m_thread;
};

}  // namespace dynavg::daemon
