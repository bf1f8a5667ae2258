#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/checks.hpp"
#include "control/health.hpp"

/// The facts that `dynavg doctor` gathers, as plain values; diagnosis.hpp makes the findings.
namespace dynavg::doctor {

/// The daemon that answers at the configuration's control socket.
struct DaemonFacts {
    std::string socket;
    bool answers = false;
    std::string no_answer;  ///< Why not.
    std::string version;    ///< This and the members below are known if it answers.
    std::string own_version;
    std::string node;
    std::string network;
    std::int64_t pid = 0;
    std::vector<control::HealthFinding> health;
};

/// A file or folder that holds secrets.
struct PrivateFileFacts {
    std::string path;
    bool exists = false;
    std::string unreadable;  ///< Why the system does not tell more; empty: the rest is known.
    std::uint32_t mode = 0;  ///< Permission bits.
    std::string owner;       ///< A name, or the number of one who has none.
};

struct KeyFacts {
    bool wanted = true;  ///< Not in a network without keys.
    PrivateFileFacts folder;
    std::vector<PrivateFileFacts> files;  ///< identity.key first.
    std::string error;                    ///< Why the key in it is none; empty if it is one.
    std::string own_key;                  ///< In hexadecimal; empty if there is none.
};

struct DiskFacts {
    std::string path;
    std::optional<std::uint64_t> free;    ///< Bytes; none if the system does not tell.
    std::optional<std::uint64_t> wanted;  ///< By the next files; none without a model.
};

/// One of the three that a node listens at.
struct PortFacts {
    std::string use;       ///< "direct", "gossip", "bulk".
    std::string address;   ///< host:port, as bound.
    bool is_free = false;  ///< It can be bound.
    bool is_ours = false;  ///< The running daemon has it.
    std::string holder;    ///< "nginx (pid 812)", if the system tells.
    bool in_use = false;   ///< By anybody.
    std::string error;     ///< Why it cannot be bound, if it is not in use.
};

/// The outcome of reading the data and making the model, as the daemon does at its start.
struct LearningFacts {
    std::string data_where;  ///< The folder, or the source where there is none.
    std::string data_error;
    std::uint64_t samples = 0;
    std::string data_shape;   ///< "1 x 28 x 28", with `classes`; empty: unknown.
    std::string model_shape;  ///< Of the model's input.
    std::string model;
    std::string model_error;
    std::uint64_t parameters = 0;
    std::string read_as;  ///< The user as whom it was read.
};

enum class Blas : std::uint8_t { none, reference, openblas, other };

struct BlasFacts {
    Blas kind = Blas::none;
    std::string path;
};

/// Of the peers that the configuration names.
struct PeersFacts {
    std::string not_checked;  ///< Why nothing was tried; empty: the rest is known.
    control::PeerChecksReply checks;
    std::string own_key;  ///< As KeyFacts.
};

struct Facts {
    std::string config_file;
    DaemonFacts daemon;
    KeyFacts keys;
    DiskFacts disk;
    std::vector<PortFacts> ports;  ///< Empty: any free ones will do.
    std::optional<LearningFacts> learning;
    BlasFacts blas;
    PeersFacts peers;
};

}  // namespace dynavg::doctor
