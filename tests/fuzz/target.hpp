#pragma once

#include <cstdint>
#include <span>

namespace dynavg::fuzz {

/// Defined by each target of this folder: decodes these bytes, which may be from anyone. A
/// broken promise ends the process (DYNAVG_CHECK, a sanitizer, an exception that gets out); all
/// else is fine. Keeps nothing from one call to the next.
void run(std::span<const std::uint8_t> input);

}  // namespace dynavg::fuzz
