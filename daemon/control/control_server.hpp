#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/expected.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

struct ControlServerOptions {
    std::filesystem::path socket;
    std::size_t connections_max = 8;
    /// A connection that neither asks nor takes its answer for so long is closed.
    std::chrono::milliseconds idle_timeout{30'000};
};

/// Answers the requests of control/replies.hpp on a Unix socket, of mode 0660, and there only root,
/// the daemon's own user and members of the socket's group (control_admission.hpp). Requests are at
/// most control::kRequestBytesMax; answers to several on one connection come in their order.
///
/// Lives on the io thread, where it also calls the handler; the handler must be quick. stop() may
/// be called at any time and again; the destructor stops too. Sessions that still have an answer
/// under way are cut.
class ControlServer {
public:
    /// An exception that it throws becomes an error reply.
    using Handler = std::function<nlohmann::json(const nlohmann::json& request)>;

    /// Binds and listens. Fails if the folder does not exist or another daemon answers on the
    /// socket; the socket file that a dead one left is replaced.
    [[nodiscard]] static Expected<std::unique_ptr<ControlServer>, Error> listen(
        boost::asio::io_context& io, ControlServerOptions options, Handler handler);

    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    /// Closes all and removes the socket file.
    void stop();

private:
    class Impl;
    explicit ControlServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> m_impl;
};

}  // namespace dynavg::daemon
