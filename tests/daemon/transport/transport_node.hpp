#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/transport/zmq_transport.hpp"
#include "tests/daemon/loop.hpp"

namespace dynavg::daemon {

[[nodiscard]] inline std::span<const std::byte> as_message(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A transport on loopback that writes down what arrives.
struct TransportNode {
    explicit TransportNode(TestLoop& test_loop, std::string bind = "tcp://127.0.0.1:0")
        : TransportNode(test_loop, make_zmq_context(), {.bind = parse_bind(bind, "").value()}) {}
    TransportNode(TestLoop& test_loop, ZmqContextPointer context, ZmqTransportOptions options)
        : loop(test_loop),
          transport(test_loop.io, std::move(context), std::move(options), handlers()) {}

    [[nodiscard]] ZmqTransportHandlers handlers() {
        return {
            .on_gossip =
                [this](const protocol::PeerId& from, std::span<const std::byte> bytes) {
                    return take(gossip, from, bytes);
                },
            .on_direct =
                [this](const ConnectionId& from, std::span<const std::byte> bytes) {
                    return take(direct, from, bytes);
                },
            .on_reply =
                [this](const DialedId& from, std::span<const std::byte> bytes) {
                    return take(replies, from.address, bytes);
                },
            .on_introduction =
                [this](const ConnectionId& from, const protocol::PeerId& token,
                       std::span<const std::byte> bytes) {
                    shown.push_back(token);
                    return take(introductions, from, bytes);
                },
            .on_introduction_reply =
                [this](const DialedId& from, std::span<const std::byte> bytes) {
                    return take(introduction_replies, from.address, bytes);
                },
            .on_odd_subscription = [this](const protocol::PeerId& from) { odd.push_back(from); },
        };
    }

    /// Only words are messages here. (Random bytes do get this far: ZeroMQ still speaks ZMTP 1.0.)
    template <class Sender>
    static ZmqTransportHandlers::Verdict take(std::vector<std::pair<Sender, std::string>>& list,
                                              const Sender& from,
                                              std::span<const std::byte> bytes) {
        const std::string text = as_text(bytes);
        const bool is_word = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            return c >= 'a' && c <= 'z';
        });
        if (!is_word) return {};
        list.emplace_back(from, text);
        return protocol::Traffic::monitoring;
    }

    /// Dials and sends until the connection stands and the message is queued.
    [[nodiscard]] bool say(const std::string& address, const std::string& text) {
        if (!transport.dial({address})) return false;
        return loop.run_until([&] {
            return transport.send_to_address(address, as_message(text),
                                             protocol::Traffic::overhead) == SendOutcome::queued;
        });
    }

    TestLoop& loop;
    std::vector<protocol::PeerId> shown;  ///< Tokens, one for each introduction.
    std::vector<protocol::PeerId> odd;    ///< Peers that have subscribed to no known topic.
    std::vector<std::pair<protocol::PeerId, std::string>> gossip;
    std::vector<std::pair<ConnectionId, std::string>> direct;
    std::vector<std::pair<std::string, std::string>> replies;
    std::vector<std::pair<ConnectionId, std::string>> introductions;
    std::vector<std::pair<std::string, std::string>> introduction_replies;
    ZmqTransport transport;
};

}  // namespace dynavg::daemon
