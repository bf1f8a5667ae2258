#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "config/config.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"
#include "training/data/dataset.hpp"
#include "training/evaluator.hpp"
#include "training/trainer.hpp"

/// From a configuration to the parts that learn. The daemon and `dynavg simulate` make them here,
/// so that both train the same model on the same samples.
namespace dynavg::assembly {

/// The samples that a configuration names, in memory.
struct Data {
    training::ChangingDataset train;
    training::ChangingDataset test;  ///< Empty without [data.test].
};

/// One peer's part of the samples.
struct ShardChoice {
    std::uint32_t index = 0;
    std::uint32_t count = 1;
};

/// The size of the images that the configured source gives.
[[nodiscard]] training::ImageShape image_shape(const config::DataConfig& data);

/// The model, made for the images of the configured source.
[[nodiscard]] training::ModelSpec model_spec(const config::Config& config);

/// Reads or draws the data. Seconds, and memory for all samples.
[[nodiscard]] Expected<Data, Error> load_data(const config::DataConfig& data);

/// The shard of `[data] shard`, or everything.
[[nodiscard]] ShardChoice shard_choice(const config::DataConfig& data);

/// A trainer on one shard with the reference installed. Batches and dropout are drawn by
/// (training seed, shard index, step).
[[nodiscard]] Expected<std::unique_ptr<training::Trainer>, Error> make_trainer(
    const config::Config& config, const protocol::AveragingSettings& averaging, const Data& data,
    ShardChoice shard, protocol::ReferencePointer initial);

/// Nothing without test data.
[[nodiscard]] Expected<std::optional<training::Evaluator>, Error> make_evaluator(
    const config::Config& config, const Data& data);

/// Epoch 0: the model's seeded initial weights or those of `[model] weights`, the same for all
/// peers. Fails if that file can't be the model's.
[[nodiscard]] Expected<protocol::ReferencePointer, Error> make_initial_reference(
    const config::Config& config, const protocol::AveragingSettings& averaging);

/// The fields by which two networks are compared in the handshake. Without an [averaging] section
/// the fields of these settings are left out: the node takes the network's.
[[nodiscard]] protocol::NetworkFields network_fields(const config::Config& config,
                                                     const protocol::Reference& initial);

}  // namespace dynavg::assembly
