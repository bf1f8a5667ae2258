#pragma once

#include <string>

#include <tl/expected.hpp>

namespace dynavg {

/// A value or the reason why there is none. (std::expected is C++23.)
template <class T, class E>
using Expected = tl::expected<T, E>;

template <class E>
using Unexpected = tl::unexpected<E>;

/// A failure told to a person: the fault, its place, and the remedy.
struct [[nodiscard]] Error {
    std::string message;
};

[[nodiscard]] inline Unexpected<Error> fail(std::string message) {
    return Unexpected<Error>(Error{std::move(message)});
}

}  // namespace dynavg
