#pragma once

#include <memory>
#include <span>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/reference/learner.hpp"
#include "training/data/changing_dataset.hpp"
#include "training/models/model_spec.hpp"

namespace dynavg::training {

class Network;

/// Measures parameter vectors on a test set. It holds a model of its own, so it may work on another
/// thread than the trainer; one thread at a time. Cost: a forward pass over the samples, in batches
/// of 500.
class Evaluator {
public:
    ~Evaluator();
    Evaluator(Evaluator&&) noexcept;

    /// `values`: parameters (then buffers) of the model. `step`: of training, where the data
    /// change.
    [[nodiscard]] protocol::Evaluation evaluate(std::span<const float> values,
                                                std::uint64_t step = 0);

private:
    friend Expected<Evaluator, Error> make_evaluator(const ModelSpec& model,
                                                     ChangingDataset dataset,
                                                     std::size_t samples_max);
    Evaluator(const ModelSpec& model, ChangingDataset dataset, std::size_t samples);

    std::unique_ptr<Network> m_network;
    ChangingDataset m_dataset;
    std::size_t m_samples;
    std::vector<float> m_images;
    std::vector<float> m_logits;
};

/// The first `samples_max` samples of the set; 0 means all. Fails if model and data do not fit.
[[nodiscard]] Expected<Evaluator, Error> make_evaluator(const ModelSpec& model,
                                                        ChangingDataset dataset,
                                                        std::size_t samples_max);

}  // namespace dynavg::training
