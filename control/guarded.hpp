#pragma once

#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "protocol/base/expected.hpp"

/// Reading answers, where the JSON library throws. Internal to control/.
namespace dynavg::control {

[[nodiscard]] inline nlohmann::json number_or_null(const std::optional<double>& number) {
    return number && std::isfinite(*number) ? nlohmann::json(*number) : nlohmann::json(nullptr);
}

[[nodiscard]] inline std::optional<double> optional_number(const nlohmann::json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

/// Reads with `read`, or tells what is wrong: the library's own exceptions end here.
template <class Read>
auto guarded(const nlohmann::json& reply, Read read) -> Expected<decltype(read()), Error> {
    const auto ok = reply.find("ok");
    if (ok == reply.end() || !ok->is_boolean()) return fail("the daemon's answer has no \"ok\"");
    try {
        if (!ok->template get<bool>()) return fail(reply.at("error").get<std::string>());
        return read();
    } catch (const nlohmann::json::exception& error) {
        return fail(
            fmt::format("the daemon's answer can't be understood ({}); is it of another "
                        "version?",
                        error.what()));
    }
}

}  // namespace dynavg::control
