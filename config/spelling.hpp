#pragma once

#include <string>
#include <string_view>

namespace dynavg::config {

/// Which form of an address a key takes.
enum class AddressForm {
    dialed,  ///< HOST:PORT.
    peer,    ///< KEY@HOST:PORT or HOST:PORT.
    bound,   ///< tcp://HOST:PORT.
};

/// What is wrong with a text that is no address of this form, and how it is written if that can be
/// seen: "is no such address: write an IPv6 address in brackets, \"[::1]:7400\"".
[[nodiscard]] std::string explain_address(std::string_view text, AddressForm form);

/// What is wrong with a path that only a shell would understand, as "~/dynavg"; empty if nothing
/// is.
[[nodiscard]] std::string explain_path(std::string_view text);

}  // namespace dynavg::config
