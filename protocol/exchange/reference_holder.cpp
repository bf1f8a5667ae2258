#include "protocol/exchange/reference_holder.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

double ReferenceHolder::compute_gradient() {
    DYNAVG_CHECK(false);
    return 0;
}

void ReferenceHolder::apply_update() {
    DYNAVG_CHECK(false);
}

void ReferenceHolder::copy_contribution(std::span<float> out) const {
    DYNAVG_CHECK(out.size() == m_reference->values.size());
    std::copy(m_reference->values.begin(), m_reference->values.end(), out.begin());
}

void ReferenceHolder::install(ReferencePointer reference, std::span<const float> /*base*/) {
    m_reference = std::move(reference);
}

void ReferenceHolder::set_model(std::span<const float> /*values*/) {
    DYNAVG_CHECK(false);
}

bool ReferenceHolder::restore(ReferencePointer reference, std::span<const float> /*values*/,
                              std::span<const std::byte> /*optimizer*/, std::uint64_t /*steps*/) {
    m_reference = std::move(reference);
    return true;
}

}  // namespace dynavg::protocol
