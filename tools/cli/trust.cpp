#include <memory>

#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {
namespace {

struct TrustOptions {
    DaemonOptions daemon;
    std::string key;
};

struct Verb {
    const char* name;
    const char* about;
    const char* footer;
    const char* done;
};

void add(CLI::App& app, ExitCode& result, const Verb& about) {
    CLI::App* verb = app.add_subcommand(about.name, about.about);
    const auto options = std::make_shared<TrustOptions>();
    verb->add_option("key", options->key, "64 hexadecimal digits: `dynavg id` there, before the @")
        ->required()
        ->type_name("KEY");
    add_daemon_options(*verb, options->daemon);
    verb->footer(about.footer);
    verb->callback([=, &result] {
        result = order_daemon(options->daemon, control::key_request(about.name, options->key),
                              about.done);
    });
}

}  // namespace

void add_trust(CLI::App& app, ExitCode& result) {
    add(app, result,
        {"trust", "Let a peer with this key in, from now on",
         "For one that does not join by the token. Both sides must trust each other; it also ends\n"
         "a revocation.\n\nExample:\n  dynavg trust "
         "8f14e45fceea167a5a36dedd4bea2543c4ca4238a0b923820dcc509a6f75849b",
         "The key is trusted."});
}

void add_revoke(CLI::App& app, ExitCode& result) {
    add(app, result,
        {"revoke", "Shut a key out, at once and for good",
         "Ends the peer's connections and keeps it out, whatever the configuration says. It may "
         "know\nthe token, so this node's is void then: `dynavg token --new` makes another. To be "
         "done on\nevery node; `dynavg forget` then ends its vote.\n\nExample:\n  dynavg revoke "
         "8f14e45fceea167a5a36dedd4bea2543c4ca4238a0b923820dcc509a6f75849b",
         "The key is revoked, and this node's token is void."});
}

}  // namespace dynavg::cli
