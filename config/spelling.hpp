#pragma once

#include <string>
#include <string_view>

namespace dynavg::config {

/// The form of address that a key takes.
enum class AddressForm {
    dialed,  ///< HOST:PORT.
    peer,    ///< KEY@HOST:PORT or HOST:PORT.
    bound,   ///< tcp://HOST:PORT.
};

/// The fault of a text that is no address of this form, with the right spelling where that can be
/// guessed: "is no such address: write an IPv6 address in brackets, \"[::1]:7400\"".
[[nodiscard]] std::string explain_address(std::string_view text, AddressForm form);

/// The fault of a path that only a shell would understand, as "~/dynavg"; empty for any other path.
[[nodiscard]] std::string explain_path(std::string_view text);

}  // namespace dynavg::config
