#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/report/groups.hpp"
#include "tools/report/json.hpp"
#include "tools/report/page.hpp"
#include "tools/report/read.hpp"
#include "tools/report/table.hpp"

// Folders of results, as `dynavg report` reads them: run.json, summary.json, epochs.csv,
// rounds.csv, each behind its length, for one run after the other; an empty one is not there.

namespace dynavg::fuzz {

namespace {

constexpr std::size_t kRunsMax = 3;

std::optional<std::string> text_of(Input& in) {
    const auto piece = in.piece();
    if (piece.empty()) return std::nullopt;
    return std::string(as_text(piece));
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    std::vector<report::Run> runs;
    while (!in.empty() && runs.size() < kRunsMax) {
        report::RunTexts texts;
        texts.run = text_of(in);
        texts.summary = text_of(in);
        texts.epochs = text_of(in);
        texts.rounds = text_of(in);
        runs.push_back(report::read_run(texts, "results/a", "a"));
    }
    const auto groups = report::make_groups(std::move(runs));
    DYNAVG_CHECK(!report::to_json(groups).dump().empty());
    const std::string page = report::page(groups);
    DYNAVG_CHECK(page.find("<script") == std::string::npos);
    for (const char c : report::terminal_text(groups)) {
        DYNAVG_CHECK(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
    }
}

}  // namespace dynavg::fuzz
