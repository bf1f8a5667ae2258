#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "protocol/base/expected.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

struct MetricsServerOptions {
    std::string host;
    std::uint16_t port = 0;  ///< 0: any free.
    std::size_t connections_max = 16;
    /// From accept to close: a slower connection is cut off.
    std::chrono::milliseconds timeout{5000};
    /// A text is made at most this often; in between all get the same.
    std::chrono::milliseconds text_age_max{200};
};

/// The texts that readers get.
struct MetricsTexts {
    std::function<std::string()> metrics;  ///< Prometheus' text format.
    std::function<std::string()> status;   ///< JSON, for the page.
};

/// Answers GET and HEAD over HTTP: /metrics, and a page at / with its files. One request for
/// each connection, of at most 8 KiB, without a body; nothing can be changed through it.
///
/// On a loopback address it answers only requests that name such an address as their host: a page
/// of somebody else in this machine's browser can't make a name of its own point here and read on.
///
/// Lives on the io thread, where it also calls the functions; they must be quick, and are called at
/// most every text_age_max each, however many ask. A connection costs that thread its share of
/// bytes when the kernel is ready to take them, never a wait. stop() may be called again; the
/// destructor stops too.
class MetricsServer {
public:
    /// Fails if the address can't be looked up, or is taken.
    [[nodiscard]] static Expected<std::unique_ptr<MetricsServer>, Error> listen(
        boost::asio::io_context& io, MetricsServerOptions options, MetricsTexts texts);

    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    /// "127.0.0.1:9410", as bound.
    [[nodiscard]] std::string address() const;
    [[nodiscard]] bool is_loopback() const;
    void stop();

private:
    class Impl;
    explicit MetricsServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> m_impl;
};

}  // namespace dynavg::daemon
