#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/expected.hpp"

namespace dynavg::control {

inline constexpr const char* kDefaultSocket = "/run/dynavg/control.sock";
inline constexpr std::chrono::milliseconds kDefaultTimeout{5000};

struct [[nodiscard]] ClientError {
    enum class Kind : std::uint8_t {
        not_running,  ///< Nobody listens.
        no_answer,    ///< Somebody may, but is out of reach or does not answer in time.
        bad_answer    ///< Somebody answers, but not as a daemon of ours.
    };
    Kind kind = Kind::no_answer;
    std::string message;  ///< With what to do about it.
};

/// Asks the daemon behind a control socket and waits for its answer, `timeout` in all. Blocks;
/// needs no other thread.
[[nodiscard]] Expected<nlohmann::json, ClientError> ask(
    const std::filesystem::path& socket, const nlohmann::json& request,
    std::chrono::milliseconds timeout = kDefaultTimeout);

}  // namespace dynavg::control
