#pragma once

#include <cstdint>
#include <span>

namespace dynavg::fuzz {

/// What each target of this folder defines: decodes these bytes, from whomever they may be. A
/// broken promise ends the process (DYNAVG_CHECK, a sanitizer, an exception that gets out); all
/// else is fine. Keeps nothing from one call to the next.
void run(std::span<const std::uint8_t> input);

}  // namespace dynavg::fuzz
