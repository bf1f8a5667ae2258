#include "tools/doctor/port_holder.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

namespace dynavg::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListening = "0A";

template <class T>
std::optional<T> number(std::string_view text, int base) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string file_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool is_wildcard(std::string_view address) {
    return address.find_first_not_of('0') == std::string_view::npos;
}

bool are_in_each_others_way(std::string_view one, std::string_view other) {
    // An IPv4 address in a table of IPv6 addresses.
    constexpr std::string_view kMapped = "0000000000000000FFFF0000";
    if (one.starts_with(kMapped)) one.remove_prefix(kMapped.size());
    return is_wildcard(one) || is_wildcard(other) || one == other;
}

bool holds_one_of(const fs::path& process, const std::vector<std::string>& sockets) {
    std::error_code error;
    for (fs::directory_iterator at(process / "fd", error), end; !error && at != end;
         at.increment(error)) {
        std::error_code unreadable;
        const std::string target = fs::read_symlink(at->path(), unreadable).string();
        if (std::find(sockets.begin(), sockets.end(), target) != sockets.end()) return true;
    }
    return false;
}

}  // namespace

std::string table_address(std::span<const std::byte> bytes) {
    std::string text;
    // Words of four bytes, each as this machine reads it.
    for (std::size_t i = 0; i + sizeof(std::uint32_t) <= bytes.size(); i += sizeof(std::uint32_t)) {
        std::uint32_t word = 0;
        std::memcpy(&word, &bytes[i], sizeof word);
        text += fmt::format("{:08X}", word);
    }
    return text;
}

std::vector<std::uint64_t> listening_inodes(std::string_view table, std::string_view address,
                                            std::uint16_t port) {
    std::vector<std::uint64_t> inodes;
    std::istringstream lines{std::string(table)};
    for (std::string line; std::getline(lines, line);) {
        // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
        std::istringstream words(line);
        const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
        constexpr std::size_t kLocal = 1;
        constexpr std::size_t kState = 3;
        constexpr std::size_t kInode = 9;
        if (fields.size() <= kInode || fields[kState] != kListening) continue;
        const std::string& local = fields[kLocal];
        const std::size_t colon = local.rfind(':');
        if (colon == std::string::npos) continue;
        if (number<std::uint16_t>(std::string_view(local).substr(colon + 1), 16) != port) continue;
        if (!are_in_each_others_way(std::string_view(local).substr(0, colon), address)) continue;
        if (const auto inode = number<std::uint64_t>(fields[kInode], 10)) inodes.push_back(*inode);
    }
    return inodes;
}

std::optional<PortHolder> holder_of(std::string_view address, std::uint16_t port) {
    std::vector<std::string> sockets;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        for (const std::uint64_t inode : listening_inodes(file_text(table), address, port)) {
            sockets.push_back(fmt::format("socket:[{}]", inode));
        }
    }
    if (sockets.empty()) return std::nullopt;
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
        const auto pid = number<std::int64_t>(at->path().filename().string(), 10);
        if (!pid || !holds_one_of(at->path(), sockets)) continue;
        std::string name = file_text(at->path() / "comm");
        if (name.ends_with('\n')) name.pop_back();
        return PortHolder{*pid, std::move(name)};
    }
    return std::nullopt;
}

}  // namespace dynavg::doctor
