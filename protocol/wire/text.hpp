#pragma once

#include <string_view>

namespace dynavg::protocol::wire {

/// Whether a text may come from a peer. As texts end in logs and in JSON, it must be at most
/// limits::kTextBytesMax bytes of valid UTF-8 without control characters. Names that a person
/// configures have to pass too, or no peer would take them.
[[nodiscard]] bool is_text(std::string_view text);

}  // namespace dynavg::protocol::wire
