#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "daemon/control_server.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/daemon/temporary_folder.hpp"

/// Running the program `dynavg` as a person does.
namespace dynavg::cli::test {

using cli::Outcome;
using daemon::TemporaryFolder;

inline Outcome run(const std::string& arguments, const std::string& program = DYNAVG_PROGRAM) {
    return run_program(program + " " + arguments);
}

/// A daemon as far as its control socket goes.
class FakeDaemon {
public:
    FakeDaemon(const std::string& socket, daemon::ControlServer::Handler handler)
        : m_server(
              daemon::ControlServer::listen(m_io, {.socket = socket}, std::move(handler)).value()),
          m_thread([this] { m_io.run(); }) {}
    ~FakeDaemon() {
        boost::asio::post(m_io, [this] {
            m_server.reset();
            m_work.reset();
        });
        m_thread.join();
    }

private:
    boost::asio::io_context m_io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{
        m_io.get_executor()};
    std::unique_ptr<daemon::ControlServer> m_server;
    std::thread m_thread;
};

}  // namespace dynavg::cli::test
