#include "training/evaluator.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"
#include "training/models/network.hpp"
#include "training/trainer.hpp"

namespace dynavg::training {

namespace {
constexpr std::size_t kBatch = 500;
}

Evaluator::Evaluator(const ModelSpec& model, ChangingDataset dataset, std::size_t samples)
    : m_network(make_network(model, NetworkUse::evaluation)),
      m_dataset(std::move(dataset)),
      m_samples(samples),
      m_images(std::min(samples, kBatch) * model.input.pixels()),
      m_logits(std::min(samples, kBatch) * kModelClasses) {}

Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;

protocol::Evaluation Evaluator::evaluate(std::span<const float> values, std::uint64_t step) {
    const std::span<float> own = m_network->values();
    DYNAVG_CHECK(values.size() == own.size());
    std::copy(values.begin(), values.end(), own.begin());
    const Dataset& dataset = m_dataset.at(step);
    const std::size_t pixels = dataset.shape.pixels();
    std::size_t hits = 0;
    double loss = 0;
    for (std::size_t first = 0; first < m_samples; first += kBatch) {
        const std::size_t count = std::min(kBatch, m_samples - first);
        const std::span<float> images = std::span(m_images).first(count * pixels);
        const std::span<float> logits = std::span(m_logits).first(count * kModelClasses);
        to_floats(std::span(dataset.images).subspan(first * pixels, count * pixels), images);
        m_network->logits(images, logits);
        loss += static_cast<double>(count) *
                cross_entropy(logits, std::span(dataset.labels).subspan(first, count), {}, hits);
    }
    const auto total = static_cast<double>(m_samples);
    return {static_cast<double>(hits) / total, loss / total, m_samples};
}

Expected<Evaluator, Error> make_evaluator(const ModelSpec& model, ChangingDataset dataset,
                                          std::size_t samples_max) {
    if (auto valid = validate(model); !valid) return Unexpected<Error>(valid.error());
    if (!dataset) return fail("there is no data to evaluate on");
    if (auto fits = check_fits(*dataset, model); !fits) return Unexpected<Error>(fits.error());
    const std::size_t samples =
        samples_max == 0 ? dataset->size() : std::min(samples_max, dataset->size());
    return Evaluator(model, std::move(dataset), samples);
}

}  // namespace dynavg::training
