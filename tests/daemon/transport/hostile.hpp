#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <zmq.hpp>

#include "daemon/transport/address.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::daemon {

/// Random bytes over a bare TCP connection, then its end.
inline void send_random_bytes(const std::string& address, std::uint64_t seed) {
    const auto target = parse_address(address).value();
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address(target.host), target.port});
    protocol::RandomStream random(seed, protocol::RandomPurpose::test);
    std::vector<std::uint8_t> bytes(64 + random.below(20000));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    // Every other time a greeting comes first, so that more of the protocol is reached.
    const std::string greeting =
        std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16) + std::string(48, '\0');
    boost::system::error_code ignored;
    if (seed % 2 == 0) boost::asio::write(socket, boost::asio::buffer(greeting), ignored);
    boost::asio::write(socket, boost::asio::buffer(bytes), ignored);
}

/// A ZeroMQ client that keeps to no rule of ours.
class HostileClient {
public:
    HostileClient(const std::string& address, zmq::socket_type type) : m_socket(m_context, type) {
        m_socket.set(zmq::sockopt::linger, 0);
        m_socket.connect("tcp://" + address);
    }
    void send_frames(std::size_t frames, std::size_t bytes_each) {
        for (std::size_t i = 0; i < frames; ++i) {
            const bool more = i + 1 < frames;
            m_socket.send(zmq::message_t(bytes_each),
                          more ? zmq::send_flags::sndmore : zmq::send_flags::none);
        }
    }
    [[nodiscard]] zmq::socket_t& socket() { return m_socket; }

private:
    zmq::context_t m_context;
    zmq::socket_t m_socket;
};

}  // namespace dynavg::daemon
