#include "tools/cli/child_runs.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>

#include <unistd.h>

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::cli;
using Catch::Matchers::Contains;
using Kind = ChildEnd::Kind;

namespace {

struct Heard final : ChildListener {
    void on_start(std::size_t index) override {
        started.push_back(index);
        running_max = std::max(running_max, started.size() - ends.size());
    }
    void on_progress(std::size_t index, const simulation::Progress& told) override {
        progress[index] = told;
    }
    void on_warning(std::size_t index, const std::string& sentence) override {
        warnings[index] += sentence;
    }
    void on_end(std::size_t index, const ChildEnd& end) override { ends[index] = end; }

    std::vector<std::size_t> started;
    std::size_t running_max = 0;
    std::map<std::size_t, simulation::Progress> progress;
    std::map<std::size_t, std::string> warnings;
    std::map<std::size_t, ChildEnd> ends;
};

}  // namespace

TEST_CASE("children tell how they do and how they end", "[child_runs]") {
    const pid_t parent = getpid();
    const std::vector<ChildRun> runs{
        [parent](auto& listener) -> Expected<ChildEnd, Error> {
            if (getpid() == parent) return fail("is no child");
            listener.on_progress({3, 10, 2, 0.5});
            listener.on_warning("odd\n\x1b\xff");
            return ChildEnd{Kind::done, "all\nwell"};
        },
        [](auto&) -> Expected<ChildEnd, Error> { return fail("no data"); },
        [](auto&) -> Expected<ChildEnd, Error> { throw std::runtime_error("thrown"); },
        [](auto&) -> Expected<ChildEnd, Error> {
            raise(SIGKILL);
            return ChildEnd{};
        },
        [](auto&) -> Expected<ChildEnd, Error> { _exit(7); },
        [](auto&) -> Expected<ChildEnd, Error> {
            return ChildEnd{Kind::stopped, ""};
        },
        [](auto&) -> Expected<ChildEnd, Error> {
            return ChildEnd{Kind::done, std::string(200'000, 'x')};
        }};
    Heard heard;
    run_children(runs, 2, heard);
    REQUIRE(heard.ends.size() == runs.size());
    CHECK(heard.started == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(heard.running_max == 2);
    CHECK(heard.ends[0].kind == Kind::done);
    CHECK(heard.ends[0].text == "all\nwell");
    CHECK(heard.progress[0].step == 3);
    CHECK(heard.progress[0].accuracy_mean == 0.5);
    CHECK_THAT(heard.warnings[0], Contains("odd\n"));
    CHECK(heard.ends[1].text == "no data");
    CHECK(heard.ends[2].text == "thrown");
    CHECK_THAT(heard.ends[3].text, Contains("ended by signal 9"));
    CHECK(heard.ends[4].text == "its process ended with 7");
    for (const std::size_t index : {1, 2, 3, 4}) CHECK(heard.ends[index].kind == Kind::failed);
    CHECK(heard.ends[5].kind == Kind::stopped);
    CHECK(heard.ends[6].text.size() == 200'000);
}

TEST_CASE("no runs are no work", "[child_runs]") {
    Heard heard;
    run_children({}, 4, heard);
    CHECK(heard.started.empty());
}
