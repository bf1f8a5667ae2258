#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "control/escape.hpp"
#include "posix/descriptor.hpp"
#include "tools/audit/read_log.hpp"
#include "tools/audit/verdict_output.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

using control::escaped;

struct Options {
    std::vector<std::string> files;
    bool json = false;
};

struct LogFile {
    std::string path;
    audit::LogCounts counts;
    std::string problem;  ///< Empty: it was read, and is a log.
};

Expected<audit::LogCounts, Error> read_file(const std::string& path, audit::Record& record) {
    if (path == "-") return audit::read_log(STDIN_FILENO, record);
    const posix::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return fail(std::strerror(errno));
    return audit::read_log(file.number(), record);
}

LogFile read_one(const std::string& path, audit::Record& record) {
    LogFile file{.path = path, .counts = {}, .problem = {}};
    const auto counts = read_file(path, record);
    if (!counts) {
        file.problem = fmt::format("{}: {}", escaped(path), counts.error().message);
        return file;
    }
    file.counts = *counts;
    if (counts->events > 0) return file;
    file.problem = fmt::format(
        "{}: {}; logs are what `dynavgd --log-format json` writes, or `journalctl -u dynavgd -o "
        "json`",
        escaped(path),
        counts->lines == 0 ? "it is empty"
        : counts->foreign > 0
            ? "no entry of this journal is from dynavgd"
            : fmt::format("none of its {} lines is an event of dynavgd", grouped(counts->lines)));
    return file;
}

std::string files_text(const std::vector<LogFile>& files) {
    std::string text;
    for (const LogFile& file : files) {
        if (file.counts.garbage == 0 || !file.problem.empty()) continue;
        text += fmt::format(
            "garbage: {} of {} lines of {} can't be read: cut off, or not by dynavgd\n",
            grouped(file.counts.garbage), grouped(file.counts.lines), escaped(file.path));
    }
    return text;
}

nlohmann::json files_json(const std::vector<LogFile>& files) {
    nlohmann::json list = nlohmann::json::array();
    for (const LogFile& file : files) {
        nlohmann::json one{{"path", file.path},
                           {"lines", file.counts.lines},
                           {"events", file.counts.events},
                           {"foreign", file.counts.foreign},
                           {"garbage", file.counts.garbage}};
        if (!file.problem.empty()) one["problem"] = file.problem;
        list.push_back(std::move(one));
    }
    return list;
}

ExitCode run(const Options& options) {
    audit::Record record;
    std::vector<LogFile> files;
    ExitCode result = ExitCode::done;
    for (const std::string& path : options.files) {
        files.push_back(read_one(path, record));
        if (files.back().problem.empty()) continue;
        complain(files.back().problem);
        result = ExitCode::failed;
    }
    nlohmann::json networks = nlohmann::json::array();
    if (!options.json) fmt::print("{}", files_text(files));
    for (const auto& [name, network] : record.networks()) {
        const audit::NetworkVerdict verdict = audit::judge(name, network);
        if (!verdict.agreed()) result = ExitCode::failed;
        if (options.json) {
            networks.push_back(audit::to_json(verdict));
        } else {
            fmt::print("{}", audit::text_of(verdict));
        }
    }
    if (record.networks().empty()) {
        result = ExitCode::failed;
        if (!options.json) complain("nothing to verify: these logs tell of no reference");
    }
    if (options.json) {
        const nlohmann::json all{{"agreed", result == ExitCode::done},
                                 {"files", files_json(files)},
                                 {"networks", networks}};
        fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return result;
}

}  // namespace

void add_verify(CLI::App& app, ExitCode& result) {
    CLI::App* verb =
        app.add_subcommand("verify", "Whether all nodes agreed, by their logs, and what it cost");
    const auto options = std::make_shared<Options>();
    verb->add_option("FILE", options->files,
                     "Logs of any nodes, in any order: JSON lines of dynavgd, or journalctl -o "
                     "json; - is standard input")
        ->required()
        ->type_name("");
    verb->add_flag("--json", options->json, "Print the verdict as JSON");
    verb->footer(
        "Example:\n  dynavg verify node-a.log node-b.log\n"
        "  journalctl -u dynavgd -o json | dynavg verify - node-b.log\n\n"
        "Exit code 0 if all nodes had the same reference, participants and threshold at every "
        "epoch "
        "that two of them tell of; 1 if not, if there is nothing to compare, or if a file is no "
        "log.");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
