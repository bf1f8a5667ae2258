#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.hpp"
#include "storage/disk.hpp"

/// Names of the files in a state folder, see checkpoint_store.hpp.
namespace dynavg::storage {

inline constexpr const char* kNetworkName = "network";
inline constexpr const char* kPromiseName = "promise";
inline constexpr const char* kPreparedName = "prepared";
inline constexpr const char* kHistoryName = "history";
inline constexpr const char* kPeersName = "peers";
inline constexpr std::string_view kReferencePrefix = "reference-";
inline constexpr std::string_view kLocalPrefix = "local-";

[[nodiscard]] inline std::string reference_name(protocol::Epoch epoch) {
    return std::string(kReferencePrefix) + std::to_string(epoch.value());
}

[[nodiscard]] inline std::string local_name(std::uint64_t number) {
    return std::string(kLocalPrefix) + std::to_string(number);
}

/// The number behind the prefix, if that is all that `name` is.
template <class Number>
[[nodiscard]] std::optional<Number> number_in(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::string_view digits = name.substr(prefix.size());
    const bool leading_zero = digits.size() > 1 && digits.front() == '0';
    Number number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || leading_zero) {
        return std::nullopt;
    }
    return number;
}

/// The numbers of all files with this prefix, in order.
template <class Number>
[[nodiscard]] std::vector<Number> numbers_of(const Disk& disk, std::string_view prefix) {
    std::vector<Number> numbers;
    for (const std::string& name : disk.list()) {
        if (const auto number = number_in<Number>(name, prefix)) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

/// Two copies of the promise, each of this size. No encoded Promise is longer than a slot holds.
inline constexpr std::size_t kPromiseSlotBytes = 16 * 1024;

}  // namespace dynavg::storage
