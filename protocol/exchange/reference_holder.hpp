#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocol/reference/learner.hpp"

namespace dynavg::protocol {

/// An observer's learner: it has no data and never steps; its model is the reference. To the shell
/// it is a learner like any other. As thread-safe as the interface says.
class ReferenceHolder final : public Learner {
public:
    explicit ReferenceHolder(ReferencePointer initial) : m_reference(std::move(initial)) {}

    [[nodiscard]] ReferenceShape shape() const override { return m_reference->shape(); }
    /// No step is ever allowed: a bug of the caller.
    double compute_gradient() override;
    void apply_update() override;
    [[nodiscard]] LocalState local_state() const override { return {}; }
    void copy_contribution(std::span<float> out) const override;
    void install(ReferencePointer reference, std::span<const float> base) override;
    void set_model(std::span<const float> values) override;
    /// Drops the values: the training of an earlier life as a member is of no use to an observer.
    bool restore(ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> optimizer, std::uint64_t steps) override;
    [[nodiscard]] std::vector<std::byte> optimizer_state() const override { return {}; }
    void reset_to_reference() override {}

private:
    ReferencePointer m_reference;
};

}  // namespace dynavg::protocol
