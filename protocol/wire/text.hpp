#pragma once

#include <string_view>

namespace dynavg::protocol::wire {

/// What a text from a peer must be, because it ends in logs and in JSON: at most
/// limits::kTextBytesMax bytes of valid UTF-8 without control characters. Names that a person
/// configures have to pass it too, or no peer would take them.
[[nodiscard]] bool is_text(std::string_view text);

}  // namespace dynavg::protocol::wire
