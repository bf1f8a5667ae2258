#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/reference/learner.hpp"
#include "training/data/batch_sampler.hpp"
#include "training/data/changing_dataset.hpp"
#include "training/data/dataset.hpp"
#include "training/data/splits.hpp"
#include "training/models/model_spec.hpp"
#include "training/optimizer.hpp"

namespace dynavg::training {

class Network;

struct TrainerOptions {
    ModelSpec model{};
    ChangingDataset dataset{};  ///< Shared by the trainers of a process.
    Shard shard{};              ///< The samples that this trainer draws from.
    OptimizerOptions optimizer{};
    std::size_t batch_size = 32;
    std::uint64_t seed = 1;         ///< Of batches and dropout.
    std::uint32_t shard_index = 0;  ///< So that peers of one seed draw differently.
    /// In so many first steps only the head learns: the dense layers at the end.
    std::uint64_t head_first_steps = 0;
    protocol::MonitorKind monitor = protocol::MonitorKind::linear;
    protocol::SketchShape sketch{};
    std::uint64_t sketch_seed = 1;  ///< The same for all peers.
    protocol::OuterKind outer = protocol::OuterKind::average;
    std::string device = "cpu";
};

/// A built-in model in training on a shard: the learner of the daemon and of the simulator.
///
/// Step n (counted by apply_update(), from what restore() says on) takes the batch that
/// BatchSampler gives for it and draws its dropout masks from RandomStream(seed, dropout, shard
/// index, n). Equal options give equal bits, in every process.
///
/// Buffers (running statistics of batch norms) move with apply_update(). They are part of a
/// contribution, and no part of the drift: an install replaces them.
/// In the first head_first_steps steps only the head learns: all other parameters and the buffers
/// stay. After these steps the optimizer begins anew.
///
/// Before the first install() the parameters are the model's initial values, and there is no
/// reference: local_state() and reset_to_reference() must wait for it. Threads: as Learner says.
class Trainer final : public protocol::Learner {
public:
    ~Trainer() override;

    [[nodiscard]] protocol::ReferenceShape shape() const override;
    [[nodiscard]] std::uint64_t samples() const override;
    double compute_gradient() override;
    void apply_update() override;
    [[nodiscard]] protocol::LocalState local_state() const override;
    void copy_contribution(std::span<float> out) const override;
    void install(protocol::ReferencePointer reference, std::span<const float> base) override;
    void set_model(std::span<const float> values) override;
    bool restore(protocol::ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> optimizer, std::uint64_t steps) override;
    [[nodiscard]] std::vector<std::byte> optimizer_state() const override;
    void reset_to_reference() override;

    /// Parameters, then buffers, as they stand; of the training thread.
    [[nodiscard]] std::span<const float> values() const;
    /// Their beginning, which is learned and monitored.
    [[nodiscard]] std::span<const float> parameters() const;
    /// Gradient of the last compute_gradient().
    [[nodiscard]] std::span<const float> gradient() const;
    /// Updates done, those before a restart included.
    [[nodiscard]] std::uint64_t step() const { return m_step; }

private:
    friend Expected<std::unique_ptr<Trainer>, Error> make_trainer(TrainerOptions options);
    explicit Trainer(TrainerOptions options);
    void draw_batch();
    [[nodiscard]] bool only_head_learns() const { return m_step < m_options.head_first_steps; }

    TrainerOptions m_options;
    std::unique_ptr<Network> m_network;
    Optimizer m_optimizer;
    protocol::ReferencePointer m_reference;
    std::size_t m_head = 0;  ///< Its first parameter.
    std::uint64_t m_step = 0;
    BatchSampler m_sampler;
    std::vector<float> m_batch_images;
    std::vector<std::uint8_t> m_batch_labels;
};

/// Fails, with what to change, on an unknown model or device, data that does not fit the model, an
/// empty shard or one that names samples which are not there, a bad optimizer, batch or sketch.
[[nodiscard]] Expected<std::unique_ptr<Trainer>, Error> make_trainer(TrainerOptions options);

/// Whether this data can feed that model.
[[nodiscard]] Expected<void, Error> check_fits(const Dataset& dataset, const ModelSpec& model);

}  // namespace dynavg::training
