#include "protocol/wire/messages.hpp"

#include <set>
#include <string>

#include "tests/catch.hpp"
#include "tests/protocol/wire/sample_messages.hpp"

namespace dynavg::protocol {

TEST_CASE("every message has a name of its own", "[messages]") {
    std::set<std::string> names;
    const auto samples = sample_messages();
    for (const Message& message : samples) names.insert(std::string(name_of(message)));
    CHECK(names.size() == std::variant_size_v<Message>);
    CHECK(name_of(Message{Heartbeat{}}) == "heartbeat");
    CHECK(name_of(Message{Goodbye{}}) == "goodbye");
    CHECK(name_of(Message{Chunk{}}) == "chunk");
    CHECK(name_of(RoundReason::every_step) == "every-step");
}

TEST_CASE("states count as monitoring, chunks as averaging, all else as overhead", "[messages]") {
    for (const Message& message : sample_messages()) {
        INFO(name_of(message));
        const std::string_view name = name_of(message);
        const Traffic expected = name == "state" || name == "state-request"   ? Traffic::monitoring
                                 : name == "chunk" || name == "chunk-request" ? Traffic::averaging
                                                                              : Traffic::overhead;
        CHECK(traffic_of(message) == expected);
    }
}

}  // namespace dynavg::protocol
