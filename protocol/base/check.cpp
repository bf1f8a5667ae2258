#include "protocol/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace dynavg::protocol {

void check_failed(const char* condition, std::source_location where) {
    std::fprintf(stderr, "dynavg: internal error at %s:%u: %s does not hold; please report it\n",
                 where.file_name(), static_cast<unsigned>(where.line()), condition);
    std::abort();
}

}  // namespace dynavg::protocol
