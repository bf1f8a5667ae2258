#include "daemon/threads/output_thread.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>

#include <sys/stat.h>

#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using dynavg::test::TemporaryFolder;
using protocol::Epoch;
using protocol::Event;

namespace {

protocol::ReferencePointer reference_of(std::uint32_t epoch) {
    const auto initial = protocol::make_initial_reference({1, 0, false}, {0}, 1, 1);
    return protocol::make_next_reference(*initial, Epoch(epoch), {static_cast<float>(epoch)});
}

std::string read(const std::filesystem::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// The thread with a writer that the test can hold up or have fail.
class Output {
public:
    explicit Output(OutputOptions options) {
        options.path = folder / "model.pt";
        options.network = "test";
        options.hook_timeout = 30s;
        m_thread.emplace(
            loop.io, std::move(options),
            [this](const std::filesystem::path& path, const protocol::Reference& reference) {
                return write(path, reference);
            },
            [this](Event event) { events.push_back(std::move(event)); });
    }

    [[nodiscard]] std::size_t count(std::string_view name) const {
        return static_cast<std::size_t>(
            std::count_if(events.begin(), events.end(),
                          [name](const Event& event) { return event.name == name; }));
    }
    [[nodiscard]] bool wait_for(std::string_view name, std::size_t times) {
        return loop.run_until([&] { return count(name) >= times; });
    }
    void offer(std::uint32_t epoch) { m_thread->offer(reference_of(epoch)); }
    void stop() { m_thread->stop(); }
    [[nodiscard]] std::vector<std::uint32_t> written() {
        const std::lock_guard lock(m_mutex);
        return m_written;
    }
    void let_fail(const std::string& reason) {
        const std::lock_guard lock(m_mutex);
        m_failure = reason;
    }

    const TemporaryFolder folder;
    TestLoop loop;
    std::vector<Event> events;

private:
    Expected<void, Error> write(const std::filesystem::path& path,
                                const protocol::Reference& reference) {
        const std::lock_guard lock(m_mutex);
        if (!m_failure.empty()) return fail(m_failure);
        std::ofstream(path) << reference.epoch.value();
        m_written.push_back(reference.epoch.value());
        return {};
    }

    std::mutex m_mutex;
    std::string m_failure;
    std::vector<std::uint32_t> m_written;
    std::optional<OutputThread> m_thread;  // The last: it ends first.
};

OutputOptions with_hook(const std::string& script, const std::string& argument) {
    OutputOptions options;
    options.hook = {"/bin/sh", "-c", script, argument};
    return options;
}

}  // namespace

TEST_CASE("a reference is due after so many epochs, or where the past was replaced", "[output]") {
    CHECK(output_is_due(std::nullopt, Epoch(7), 10));
    CHECK_FALSE(output_is_due(Epoch(7), Epoch(7), 1));
    CHECK(output_is_due(Epoch(7), Epoch(8), 1));
    CHECK_FALSE(output_is_due(Epoch(7), Epoch(16), 10));
    CHECK(output_is_due(Epoch(7), Epoch(17), 10));
    CHECK(output_is_due(Epoch(7), Epoch(90), 10));
    CHECK(output_is_due(Epoch(7), Epoch(6), 10));
}

TEST_CASE("an offered reference is written, and told", "[output]") {
    Output output{{}};
    output.offer(3);
    REQUIRE(output.wait_for("output_written", 1));
    CHECK(read(output.folder / "model.pt") == "3");
    const Event& event = output.events.front();
    CHECK(event.level == protocol::Level::info);
    CHECK(std::get<std::string>(*event.find("digest")) == reference_of(3)->id.digest.hex());
    output.offer(4);
    REQUIRE(output.wait_for("output_written", 2));
    CHECK(output.written() == std::vector<std::uint32_t>{3, 4});
}

TEST_CASE(
    "the hook is told of each written reference; of those that come while it runs, only of the "
    "latest",
    "[output]") {
    const TemporaryFolder pipes;
    const std::string gate = (pipes / "gate").string();
    REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
    // Each run waits for a line of the test.
    Output output(
        with_hook("read line < \"$0\"; echo $DYNAVG_EPOCH $DYNAVG_DIGEST $DYNAVG_NETWORK "
                  "$(cat \"$DYNAVG_PATH\") >> \"$0.log\"; echo done > \"$0.done\"",
                  gate));
    output.offer(1);
    REQUIRE(output.wait_for("output_written", 1));
    for (const std::uint32_t epoch : {2U, 3U, 4U}) output.offer(epoch);
    std::ofstream(gate) << "go\n";
    REQUIRE(output.wait_for("output_written", 2));
    std::ofstream(gate) << "go\n";
    const auto line_of = [](std::uint32_t epoch) {
        return std::to_string(epoch) + " " + reference_of(epoch)->id.digest.hex() + " test " +
               std::to_string(epoch) + "\n";
    };
    const std::string expected = line_of(1) + line_of(4);
    CHECK(output.loop.run_until([&] { return read(gate + ".log") == expected; }));
    CHECK(output.written() == std::vector<std::uint32_t>{1, 4});
    CHECK(output.count("hook_failed") == 0);
}

TEST_CASE("a hook that fails is told once, and the next reference is written all the same",
          "[output]") {
    Output output(with_hook("echo no host; exit 4", ""));
    output.offer(1);
    REQUIRE(output.wait_for("hook_failed", 1));
    CHECK_THAT(std::get<std::string>(*output.events.back().find("reason")),
               Catch::Equals("it ended with code 4: no host"));
    CHECK(output.events.back().level == protocol::Level::warning);
    output.offer(2);
    REQUIRE(output.wait_for("output_written", 2));
    // The hook of the second one has failed, too, by the time that the third is written.
    output.offer(3);
    REQUIRE(output.wait_for("output_written", 3));
    CHECK(output.count("hook_failed") == 1);
}

TEST_CASE("a reference that can't be written is told once, and written as soon as possible",
          "[output]") {
    OutputOptions options;
    options.retry_interval = 5ms;
    Output output(options);
    output.let_fail("cannot write model.pt: No space left on device");
    output.offer(1);
    REQUIRE(output.wait_for("output_failed", 1));
    CHECK_THAT(output.events.back().message, Catch::Contains("No space left on device"));
    output.offer(2);
    output.let_fail("cannot write model.pt: Permission denied");
    REQUIRE(output.wait_for("output_failed", 2));
    output.let_fail("");
    REQUIRE(output.wait_for("output_written", 1));
    CHECK(output.written() == std::vector<std::uint32_t>{2});
    CHECK(output.count("output_failed") == 2);
}

TEST_CASE("the end waits for no hook", "[output]") {
    Output output(with_hook("exec sleep 1000", ""));
    output.offer(1);
    REQUIRE(output.wait_for("output_written", 1));
    output.stop();
    output.stop();
    CHECK(output.count("hook_failed") == 0);
}
