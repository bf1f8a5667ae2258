#include "daemon/threads/evaluation.hpp"

#include <stdexcept>
#include <vector>

#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"

using namespace dynavg;
using namespace dynavg::daemon;

namespace {

protocol::ReferencePointer reference_of(float value) {
    return protocol::make_initial_reference({1, 0, false}, {value}, 1, 1);
}

}  // namespace

TEST_CASE("an exception while a reference is measured is told, and the next one is measured",
          "[evaluation]") {
    TestLoop loop;
    std::vector<double> losses;
    std::vector<std::string> errors;
    EvaluationHandlers handlers;
    handlers.on_done = [&](protocol::ReferenceId, const protocol::Evaluation& result) {
        losses.push_back(result.loss);
    };
    handlers.on_error = [&](const Error& error) { errors.push_back(error.message); };
    EvaluationThread thread(
        loop.io,
        [](std::span<const float> values, std::uint64_t) -> protocol::Evaluation {
            if (values[0] < 0) throw std::runtime_error("bad sample");
            return {0.5, static_cast<double>(values[0]), 1};
        },
        std::move(handlers));
    thread.evaluate(reference_of(-1), 0);
    thread.evaluate(reference_of(3), 0);
    REQUIRE(loop.run_until([&] { return thread.is_idle() && !losses.empty(); }));
    CHECK(losses == std::vector<double>{3});
    REQUIRE(errors.size() == 1);
    CHECK_THAT(errors[0], Catch::Matchers::Contains("bad sample"));
}
