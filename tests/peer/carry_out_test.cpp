#include "peer/carry_out.hpp"

#include <string>

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

using namespace dynavg;
using namespace dynavg::peer;
using namespace std::chrono_literals;
using protocol::Epoch;
using protocol::Instant;

namespace {

using Calls = std::vector<std::string>;

constexpr Instant kNow{5s};

/// Notes what it is called for.
class RecordingShell final : public Shell {
public:
    void settings_learned(const protocol::NetworkFields& fields) override {
        note("settings", fields.size());
    }
    void give_way() override { note("give way"); }
    void disconnect(const protocol::PeerId&) override { note("disconnect"); }
    void hang_up(const std::string& address) override { note("hang up " + address); }
    void connect(const discovery::Connect&) override { note("connect"); }
    void install(const protocol::Install& install) override {
        note("install", install.reference->epoch.value());
    }
    void freeze(Epoch target) override { note("freeze", target.value()); }
    void abort_exchange() override { note("abort exchange"); }
    void set_prepared(const protocol::ReferencePointer&) override { note("set prepared"); }
    void start_exchange(const protocol::ExchangeOrder&) override { note("start exchange"); }
    void abort_pull() override { note("abort pull"); }
    void pull(const protocol::PullOrder&) override { note("pull"); }
    void balance(const protocol::BalancingOrder&) override { note("balance"); }
    void allow_steps(std::uint64_t total) override { note("allow steps", total); }
    void write(Write write) override { note("write " + std::string(name_of(kind_of(write)))); }
    void dial(const discovery::Dial& dial, Frame) override { note("dial " + dial.address); }
    void reply(const discovery::ConnectionId& connection, Frame) override {
        note("reply " + connection);
    }
    void publish(Frame) override { note("publish"); }
    void send(const protocol::PeerId&, Frame) override { note("send"); }
    void published(const std::vector<protocol::Message>& messages) override {
        note("published", messages.size());
    }
    void report(protocol::Event event) override { note("report " + std::string(event.name)); }
    void take_word(const discovery::Told&) override { note("take word"); }
    void dial_back(const discovery::DialBack&) override { note("dial back"); }
    void wake_at(Instant when) override { note("wake", (when - Instant{}) / 1s); }

    Calls calls;

private:
    void note(std::string call) { calls.push_back(std::move(call)); }
    template <class Number>
    void note(const std::string& call, Number number) {
        calls.push_back(call + " " + std::to_string(number));
    }
};

protocol::ReferencePointer initial_reference() {
    return protocol::make_initial_reference({.parameters = 2}, {0, 0}, 1, 1);
}

Node lone_node() {
    discovery::MembershipOptions membership;
    membership.self = protocol::peer(1);
    membership.name = "peer1";
    membership.endpoints = {"a:1", "a:2", "a:3"};
    return Node(protocol::NetworkId(7), std::move(membership), kNow);
}

void start_core(Node& node) {
    protocol::NodeCoreOptions core;
    core.self = protocol::peer(1);
    core.initial = initial_reference();
    node.start_core(std::move(core), kNow);
}

/// Something of everything.
NodeActions all_actions() {
    NodeActions actions;
    actions.disconnects.emplace_back();
    actions.hangups.emplace_back("x:1");
    actions.connects.emplace_back();
    actions.dials.emplace_back(discovery::Dial{"y:1", {}}, Frame());
    actions.replies.emplace_back("z", Frame());
    actions.publish.emplace_back();
    actions.sends.emplace_back();
    actions.events.emplace_back("told", protocol::Level::info, "something");
    actions.told.emplace_back();
    actions.dial_backs.emplace_back();
    actions.known_peers.emplace();
    actions.next_tick = Instant(9s);
    protocol::Actions& rounds = actions.rounds;
    rounds.install = protocol::Install{
        make_next_reference(*initial_reference(), Epoch(1), std::vector<float>(2)), {}};
    rounds.freeze = Epoch(2);
    rounds.abort_exchange = true;
    rounds.prepared.emplace();
    rounds.start_exchange.emplace();
    rounds.abort_pull = true;
    rounds.pull.emplace();
    rounds.balance.emplace();
    rounds.allowed_steps = 12;
    rounds.write_promise.emplace();
    rounds.write_prepared.emplace();
    rounds.publish.emplace_back();
    return actions;
}

}  // namespace

TEST_CASE("everything is carried out in the written order", "[carry_out]") {
    Node node = lone_node();
    start_core(node);
    RecordingShell shell;
    carry_out(node, all_actions(), shell);
    CHECK(shell.calls == Calls{"disconnect",
                               "hang up x:1",
                               "connect",
                               "write reference",
                               "install 1",
                               "freeze 2",
                               "abort exchange",
                               "set prepared",
                               "start exchange",
                               "abort pull",
                               "pull",
                               "balance",
                               "allow steps 12",
                               "write promise",
                               "write prepared value",
                               "dial y:1",
                               "reply z",
                               "publish",
                               "send",
                               "published 1",
                               "write list of known peers",
                               "report told",
                               "take word",
                               "dial back",
                               "wake 9"});
}

TEST_CASE("nothing else is carried out once the settings are learned", "[carry_out]") {
    Node node = lone_node();
    NodeActions actions = all_actions();
    actions.network_fields = protocol::NetworkFields{{"averaging.pace", "free"}};
    RecordingShell shell;
    carry_out(node, std::move(actions), shell);
    CHECK(shell.calls == Calls{"settings 1"});
}

TEST_CASE("a node that gives way to a later life says why and no more", "[carry_out]") {
    Node node = lone_node();
    NodeActions actions = all_actions();
    actions.replaced = true;
    RecordingShell shell;
    carry_out(node, std::move(actions), shell);
    CHECK(shell.calls == Calls{"report told", "give way"});
}

TEST_CASE("a node whose core has not started asks nothing of model and disk", "[carry_out]") {
    Node node = lone_node();
    RecordingShell shell;
    NodeActions actions = all_actions();
    actions.known_peers.reset();
    carry_out(node, std::move(actions), shell);
    CHECK(shell.calls == Calls{"disconnect", "hang up x:1", "connect", "dial y:1", "reply z",
                               "publish", "send", "published 1", "report told", "take word",
                               "dial back", "wake 9"});
}

TEST_CASE("actions that are not asked for are not carried out", "[carry_out]") {
    Node node = lone_node();
    start_core(node);
    RecordingShell shell;
    carry_out(node, NodeActions(), shell);
    CHECK(shell.calls == Calls{"allow steps 0", "published 0",
                               "wake " + std::to_string((protocol::kNever - Instant{}) / 1s)});
}

TEST_CASE("inputs for the rounds come to nothing before they have begun", "[carry_out]") {
    Node node = lone_node();
    node.on_step({}, kNow);
    node.on_exchange_done({}, kNow);
    node.on_pulled(nullptr, kNow);
    node.on_promise_written({}, kNow);
    node.hand_over(kNow);
    CHECK_FALSE(node.forget(protocol::peer(2).id, kNow));
    CHECK_FALSE(node.set_threshold(3, 1, kNow));
    CHECK(node.core() == nullptr);
}
