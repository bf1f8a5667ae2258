#include "daemon/doors/zap_handler.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <zmq.hpp>

#include "daemon/transport/zmq_channel.hpp"

namespace dynavg::daemon {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
constexpr std::string_view kVersion = "1.0";
constexpr std::string_view kMechanism = "CURVE";

/// The frames of a request, RFC 27.
enum Frame : std::size_t {
    kVersionFrame,
    kRequestId,
    kDomain,
    kAddress,
    kIdentity,
    kMechanismFrame,
    kCredentials,
    kFrames
};

std::string_view text_of(const zmq::message_t& frame) {
    return {static_cast<const char*>(frame.data()), frame.size()};
}

std::optional<Knock> knock_of(const std::vector<zmq::message_t>& frames) {
    if (text_of(frames[kVersionFrame]) != kVersion) return {};
    if (text_of(frames[kMechanismFrame]) != kMechanism) return {};
    Knock knock;
    if (frames[kCredentials].size() != knock.key.bytes.size()) return {};
    const auto* const key = static_cast<const std::uint8_t*>(frames[kCredentials].data());
    std::copy_n(key, knock.key.bytes.size(), knock.key.bytes.begin());
    knock.address = text_of(frames[kAddress]);
    constexpr std::array kDoors{Door::direct, Door::gossip, Door::bulk};
    const auto* const door = std::find_if(kDoors.begin(), kDoors.end(), [&](Door candidate) {
        return name_of(candidate) == text_of(frames[kDomain]);
    });
    if (door == kDoors.end()) return {};
    knock.door = *door;
    return knock;
}

}  // namespace

struct ZapHandler::Parts {
    boost::asio::io_context& loop;
    ZmqContextPointer context;
    Admit admit;
    ChannelPointer channel{};  ///< Null unless started.

    void answer_one();
    void answer(const zmq::message_t& request_id, const std::string& user);
};

void ZapHandler::Parts::answer_one() {
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(channel->socket, kFrames, frames);
    if (received == Received::nothing) return;
    // A reply socket owes an answer to whatever it took.
    if (frames.size() != kFrames) return answer({}, {});
    const auto knock = knock_of(frames);
    answer(frames[kRequestId], knock ? admit(*knock) : std::string());
}

void ZapHandler::Parts::answer(const zmq::message_t& request_id, const std::string& user) {
    // 300, not 400: after a final refusal libzmq's client would never try again, also not once its
    // key is trusted.
    const bool admitted = !user.empty();
    const std::array<std::string_view, 6> frames{kVersion,
                                                 text_of(request_id),
                                                 admitted ? "200" : "300",
                                                 admitted ? "OK" : "not trusted",
                                                 user,
                                                 {}};
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto bytes = std::as_bytes(std::span(frames[i].data(), frames[i].size()));
        send_frame(channel->socket, bytes,
                   i + 1 < frames.size() ? MoreFrames::yes : MoreFrames::no);
    }
    channel->watcher->check();
}

ZapHandler::ZapHandler(boost::asio::io_context& loop, ZmqContextPointer context, Admit admit)
    : m_parts(std::make_unique<Parts>(Parts{loop, std::move(context), std::move(admit)})) {}

ZapHandler::~ZapHandler() {
    stop();
}

Expected<void, Error> ZapHandler::start() {
    Parts& parts = *m_parts;
    parts.channel = std::make_unique<Channel>(*parts.context, zmq::socket_type::rep);
    try {
        parts.channel->socket.bind(kEndpoint);
    } catch (const zmq::error_t& error) {
        stop();
        return fail(fmt::format("cannot decide who may connect: {}: {}", kEndpoint, error.what()));
    }
    parts.channel->watch(parts.loop, [&parts] { parts.answer_one(); });
    return {};
}

void ZapHandler::stop() {
    m_parts->channel.reset();
}

}  // namespace dynavg::daemon
