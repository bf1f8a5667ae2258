#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

inline Member sample_member(int number) {
    return {number / 2, PeerId::from_name("peer" + std::to_string(number)),
            Incarnation(static_cast<std::uint32_t>(number + 1))};
}

inline Roster sample_roster(int members) {
    Roster roster;
    for (int i = 0; i < members; ++i) roster.push_back(sample_member(i));
    std::sort(roster.begin(), roster.end());
    return roster;
}

inline Header sample_header() {
    return {NetworkId(0xdeadbeef), 0x01020304, SequenceNumber(0x1122334455667788), Epoch(77),
            0x99aabbccddeeff00};
}

inline RoundState sample_round_state() {
    RoundState state;
    state.target = Epoch(8);
    state.attempt = Attempt(3);
    state.reference = {Epoch(7), {5, 6}};
    state.evidence = {RoundReason::every_step,
                      std::numeric_limits<double>::infinity(),
                      5.0,
                      4,
                      120,
                      StepIndex(19)};
    state.sets.candidates = sample_roster(4);
    const Roster& members = state.sets.candidates;
    state.sets.accusations = {{members[0], members[1]}, {members[1], members[0]}};
    state.sets.excluded = {members[3]};
    state.prepared = Prepared{{Attempt(2), 6}, {9, 10}, sample_roster(3)};
    return state;
}

inline Hello sample_hello() {
    return {1,
            1,
            sample_member(2),
            "Zürich-3",
            {"10.0.0.1:4000", "10.0.0.1:4001", "10.0.0.1:4002"},
            {{"averaging.monitor", "linear"}, {"model", "lenet5"}, {"network", "home"}},
            Role::observer};
}

/// At least one of every kind, with all optional parts, and their empty forms.
inline std::vector<Message> sample_messages() {
    const Heartbeat heartbeat{Incarnation(4),
                              -3,
                              "host:4000",
                              1000,
                              17,
                              250,
                              true,
                              false,
                              LockstepPosition::in_step,
                              60000,
                              {1, 2},
                              Incarnation(2),
                              1'767'225'600'123,
                              {sample_member(3).id},
                              RoundStatus{Epoch(8), Attempt(2), {3, 4}, 9}};
    const StateMessage linear{12, {1.5F, {0.25F}}};
    const StateMessage sketch{13, {2.5F, std::vector<float>(5 * 256, 0.125F)}};
    const HelloReply reply{sample_hello(),
                           {{"averaging.threshold", "5", "2"}},
                           {{sample_member(1).id, "a:1"}, {sample_member(0).id, "b:2"}}};
    const HistoryReply history{{{{Epoch(0), {1, 1}}, {}}, {{Epoch(1), {2, 2}}, sample_roster(3)}}};
    const TransferId transfer{TransferKind::mean, {11, 12}, 3};
    return {heartbeat,
            Heartbeat{},
            linear,
            sketch,
            StateMessage{},
            sample_round_state(),
            RoundState{},
            sample_hello(),
            Hello{},
            reply,
            HelloReply{},
            PeersRequest{},
            PeersReply{{{sample_member(5).id, "[::1]:99"}}},
            RoundRequest{},
            StateRequest{5, true},
            HistoryRequest{Epoch(6)},
            history,
            Goodbye{},
            ChunkRequest{transfer, 8, 4},
            Chunk{transfer, 9, {100, 1.0F, 0.5F, ThresholdSetting{2.5, 7}}},
            Probe{sample_hello()},
            ProbeReply{sample_hello(),
                       {{"model", "mlp", "lenet5"}},
                       {Reach::reached, Reach::refused, Reach::no_such_host},
                       1'767'225'600'123},
            ProbeReply{}};
}

}  // namespace dynavg::protocol
