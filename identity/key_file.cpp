#include "identity/key_file.hpp"

#include <string>

#include <fmt/format.h>
#include <sodium.h>

#include "identity/hex.hpp"
#include "identity/private_file.hpp"

namespace dynavg::identity {
Expected<Identity, Error> load_identity(const std::filesystem::path& folder) {
    const auto file = folder / kKeyFileName;
    auto text = read_private_file(file, kHexLineBytes);
    if (!text) return Unexpected<Error>(std::move(text.error()));
    if (!*text) {
        return fail(
            fmt::format("{} is not there: this node has no key yet; `dynavg init`, "
                        "`dynavg join` or the first start makes it",
                        file.string()));
    }
    const auto secret = secret_from_hex_line(**text);
    if (!secret) {
        return fail(
            fmt::format("{} holds no key (64 hexadecimal digits); restore it from a "
                        "backup, or remove it and be a new peer",
                        file.string()));
    }
    return identity_of(*secret);
}

Expected<Identity, Error> load_or_make_identity(const std::filesystem::path& folder) {
    const auto file = folder / kKeyFileName;
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        std::string text = hex_line(make_identity().secret);
        auto written = write_private_file(file, text, Replace::no);
        sodium_memzero(text.data(), text.size());
        if (!written) return Unexpected<Error>(std::move(written.error()));
    }
    return load_identity(folder);
}

}  // namespace dynavg::identity
