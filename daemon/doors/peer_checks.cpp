#include "daemon/doors/peer_checks.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/app/clock.hpp"
#include "daemon/doors/door_check.hpp"
#include "daemon/transport/zmq_channel.hpp"
#include "discovery/clock_skew.hpp"
#include "discovery/handshake.hpp"
#include "protocol/base/limits.hpp"

namespace dynavg::daemon {

using control::PeerCheck;
using protocol::Reach;

namespace {

/// A peer that is let in at all is let in at once; ZeroMQ tries some times meanwhile.
constexpr std::chrono::seconds kAdmittedWithin{5};
/// The other side dials back first.
constexpr std::chrono::seconds kAnsweredWithin = kDoorCheckTimeout + std::chrono::seconds(3);
static_assert(PeerChecks::kPeerCheckMax >=
              kDoorCheckTimeout + kAdmittedWithin + kAnsweredWithin + kDoorCheckTimeout);

}  // namespace

struct PeerChecks::Parts : std::enable_shared_from_this<Parts> {
    /// One peer, until it is done.
    struct Open {
        ChannelPointer channel;
        std::unique_ptr<boost::asio::steady_timer> timer;
        bool sent = false;
    };

    Parts(boost::asio::io_context& io, ZmqContextPointer zmq_context, Checker who,
          std::vector<discovery::Seed> where, std::function<void(std::vector<PeerCheck>)> then)
        : loop(io),
          context(std::move(zmq_context)),
          checker(std::move(who)),
          seeds(std::move(where)),
          on_done(std::move(then)),
          checks(seeds.size()),
          open(seeds.size()) {}

    void next();
    void begin(std::size_t i);
    void dial(std::size_t i);
    void send(std::size_t i);
    void receive(std::size_t i);
    void on_reply(std::size_t i, const protocol::ProbeReply& reply);
    void wait(std::size_t i, std::chrono::seconds time);
    void finish(std::size_t i);
    [[nodiscard]] ProvenPeer key_of(std::size_t i) const {
        return checker.keys ? seeds[i].peer : ProvenPeer();
    }

    boost::asio::io_context& loop;
    ZmqContextPointer context;
    Checker checker;
    std::vector<discovery::Seed> seeds;
    std::function<void(std::vector<PeerCheck>)> on_done;
    std::vector<PeerCheck> checks;
    std::vector<Open> open;
    std::size_t begun = 0;
    std::size_t done = 0;
    bool stopped = false;
};

void PeerChecks::Parts::next() {
    while (begun < seeds.size() && begun - done < kChecksAtOnce) begin(begun++);
    if (done < seeds.size() || stopped) return;
    stopped = true;
    boost::asio::post(loop, [self = shared_from_this()] {
        // The call may end this object.
        const auto then = std::exchange(self->on_done, nullptr);
        if (then) then(std::move(self->checks));
    });
}

void PeerChecks::Parts::begin(std::size_t i) {
    PeerCheck& check = checks[i];
    check.address = seeds[i].address;
    if (const auto key = key_of(i)) {
        check.key = key->hex();
        check.is_self = *key == checker.self;
        check.is_trusted = check.is_self || checker.trusts(*key);
    }
    if (check.is_self) {
        boost::asio::post(loop, [self = shared_from_this(), i] { self->finish(i); });
        return;
    }
    check_door(loop, check.address, key_of(i), [self = shared_from_this(), i](Reach reach) {
        if (self->stopped) return;
        self->checks[i].direct = reach;
        return reach == Reach::reached ? self->dial(i) : self->finish(i);
    });
}

void PeerChecks::Parts::dial(std::size_t i) {
    auto opened = Channel::open(*context, zmq::socket_type::dealer,
                                {.use = SocketUse::control,
                                 .frame_bytes_max = protocol::limits::kControlMessageBytesMax,
                                 .queue_max = zmq_numbers::kDirectQueueMax,
                                 .ipv6 = checker.ipv6});
    if (!opened) return finish(i);
    ChannelPointer channel = std::move(*opened);
    // So that what is sent tells that this node was let in.
    channel->socket.set(zmq::sockopt::immediate, true);
    if (const auto key = key_of(i)) secure_dialing(channel->socket, checker.keys->own, *key);
    if (!channel->connect(loop, checks[i].address)) return finish(i);
    open[i].channel = std::move(channel);
    wait(i, kAdmittedWithin);
    open[i].channel->watch(
        loop, [this, i] { receive(i); }, [this, i] { send(i); });
}

void PeerChecks::Parts::send(std::size_t i) {
    if (open[i].sent) return;
    const peer::Frame probe = checker.probe();
    if (send_frame(open[i].channel->socket, probe.bytes, MoreFrames::no) != SendOutcome::queued) {
        return;
    }
    open[i].sent = true;
    checks[i].admitted = true;
    wait(i, kAnsweredWithin);
}

void PeerChecks::Parts::receive(std::size_t i) {
    std::vector<zmq::message_t> frames;
    if (receive_message(open[i].channel->socket, 1, frames) != Received::message) return;
    const auto reply = peer::Node::probe_reply_in(bytes_of(frames[0]));
    if (reply && !checks[i].answered) on_reply(i, *reply);
}

void PeerChecks::Parts::on_reply(std::size_t i, const protocol::ProbeReply& reply) {
    PeerCheck& check = checks[i];
    check.answered = true;
    check.is_self = reply.hello.member.id == checker.self;
    check.name = discovery::display_name(reply.hello.name, reply.hello.member.id);
    check.gossip = reply.hello.endpoints.gossip;
    check.bulk = reply.hello.endpoints.bulk;
    check.back = reply.reached;
    check.differences = discovery::swap_sides(reply.differences);
    check.clock_offset_ms = discovery::offset_between(reply.unix_ms, unix_ms());
    open[i].timer->cancel();
    check_doors(loop, {"", check.gossip, check.bulk}, key_of(i),
                [self = shared_from_this(), i](const protocol::Reached& reached) {
                    if (self->stopped) return;
                    self->checks[i].gossip_reach = reached.gossip;
                    self->checks[i].bulk_reach = reached.bulk;
                    self->finish(i);
                });
}

void PeerChecks::Parts::wait(std::size_t i, std::chrono::seconds time) {
    open[i].timer = std::make_unique<boost::asio::steady_timer>(loop, time);
    open[i].timer->async_wait([self = shared_from_this(), i](const boost::system::error_code& e) {
        if (!e && !self->stopped && !self->checks[i].answered) self->finish(i);
    });
}

void PeerChecks::Parts::finish(std::size_t i) {
    if (stopped) return;
    open[i] = {};
    ++done;
    next();
}

PeerChecks::PeerChecks(boost::asio::io_context& loop, ZmqContextPointer context, Checker checker,
                       std::vector<discovery::Seed> seeds,
                       std::function<void(std::vector<PeerCheck>)> on_done)
    : m_parts(std::make_shared<Parts>(loop, std::move(context), std::move(checker),
                                      std::move(seeds), std::move(on_done))) {
    m_parts->next();
}

PeerChecks::~PeerChecks() {
    m_parts->stopped = true;
    m_parts->on_done = nullptr;
    m_parts->open.clear();
}

}  // namespace dynavg::daemon
