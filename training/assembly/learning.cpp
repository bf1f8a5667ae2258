#include "training/assembly/learning.hpp"

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "training/data/source.hpp"
#include "training/data/splits.hpp"
#include "training/models/builtin_model.hpp"
#include "training/weights.hpp"

namespace dynavg::assembly {

namespace {

/// How many test samples are drawn where the configuration does not say.
constexpr std::uint64_t kSyntheticTestSamples = 10'000;

using DatasetPointer = std::shared_ptr<const training::Dataset>;

const training::Source& source_of(const config::DataConfig& data) {
    const training::Source* const source = training::find_source(data.source);
    DYNAVG_CHECK(source != nullptr);
    return *source;
}

training::OptimizerOptions optimizer_options(const config::TrainingConfig& training) {
    training::OptimizerOptions options;
    switch (training.optimizer) {
        case config::OptimizerKind::sgd:
            options.kind = training::OptimizerKind::sgd;
            break;
        case config::OptimizerKind::adam:
            options.kind = training::OptimizerKind::adam;
            break;
        case config::OptimizerKind::adamw:
            options.kind = training::OptimizerKind::adamw;
            break;
    }
    options.learning_rate = training.learning_rate;
    options.momentum = training.momentum;
    options.nesterov = training.nesterov;
    options.weight_decay = training.weight_decay;
    options.epsilon = training.epsilon;
    return options;
}

training::Split split_of(const config::Split& split) {
    switch (split.kind) {
        case config::Split::Kind::iid:
            break;
        case config::Split::Kind::label:
            return {.kind = training::SplitKind::label,
                    .label = static_cast<std::uint8_t>(split.value)};
        case config::Split::Kind::sorted:
            return {.kind = training::SplitKind::sorted, .fraction = split.value};
        case config::Split::Kind::dirichlet:
            return {.kind = training::SplitKind::dirichlet, .fraction = split.value};
        case config::Split::Kind::unequal:
            return {.kind = training::SplitKind::unequal, .fraction = split.value};
    }
    return {};
}

Expected<training::Shard, Error> cut_shard(const config::DataConfig& data,
                                           const training::Dataset& dataset, ShardChoice choice) {
    if (choice.count <= 1) return training::whole(dataset.size());
    const auto& wanted = data.shard ? data.shard->split : config::Split{};
    auto shards = training::cut(dataset.labels, split_of(wanted), choice.count);
    if (!shards) {
        return fail(
            fmt::format("split \"{}\": {}", config::text_of(wanted), shards.error().message));
    }
    return std::move(shards->at(choice.index));
}

training::ChangingDataset changing(const config::DataConfig& data, DatasetPointer plain) {
    if (data.drift_at == 0) return plain;
    const auto kind = data.drift == config::DriftKind::labels ? training::DataChange::labels
                                                              : training::DataChange::pixels;
    auto after = training::changed_data(*plain, kind);
    return {std::move(plain), std::move(after), data.drift_at};
}

}  // namespace

training::ImageShape image_shape(const config::DataConfig& data) {
    return source_of(data).shape;
}

training::ModelSpec model_spec(const config::Config& config) {
    const config::ModelConfig& model = config.model;
    training::ModelSpec spec;
    spec.builtin = model.builtin;
    const training::BuiltinModel* const traits = training::find_builtin_model(model.builtin);
    DYNAVG_CHECK(traits != nullptr);
    if (traits->hidden == training::HiddenLayers::by_default ||
        (traits->hidden == training::HiddenLayers::if_given &&
         config.positions.contains("model.hidden"))) {
        spec.hidden.assign(model.hidden.begin(), model.hidden.end());
    }
    if (!traits->sizes.empty()) spec.size = model.size;
    if (traits->has_drop_path) spec.drop_path = static_cast<float>(model.drop_path);
    spec.seed = model.seed;
    spec.input = image_shape(config.data);
    return spec;
}

Expected<Data, Error> load_data(const config::DataConfig& data) {
    Data loaded;
    const training::Source& source = source_of(data);
    auto train = source.load({training::DataPart::train, data.path, data.samples, data.seed});
    if (!train) return Unexpected<Error>(train.error());
    loaded.train = changing(data, std::move(*train));
    if (data.test) {
        const auto& path = data.test->path.empty() ? data.path : data.test->path;
        const std::uint64_t samples =
            data.test->samples == 0 ? kSyntheticTestSamples : data.test->samples;
        auto test = source.load({training::DataPart::test, path, samples, data.seed});
        if (!test) return Unexpected<Error>(test.error());
        loaded.test = changing(data, std::move(*test));
    }
    return loaded;
}

ShardChoice shard_choice(const config::DataConfig& data) {
    if (!data.shard) return {};
    return {data.shard->index, data.shard->count};
}

Expected<std::unique_ptr<training::Trainer>, Error> make_trainer(
    const config::Config& config, const protocol::AveragingSettings& averaging, const Data& data,
    ShardChoice shard, protocol::ReferencePointer initial) {
    auto samples = cut_shard(config.data, *data.train, shard);
    if (!samples) return Unexpected<Error>(samples.error());
    training::TrainerOptions options;
    options.model = model_spec(config);
    options.dataset = data.train;
    options.shard = std::move(*samples);
    options.optimizer = optimizer_options(config.training);
    options.batch_size = config.training.batch_size;
    options.seed = config.training.seed;
    options.shard_index = shard.index;
    options.head_first_steps = config.training.head_first_steps;
    options.monitor = averaging.monitor;
    options.sketch = averaging.sketch;
    options.sketch_seed = averaging.sketch_seed;
    options.outer = averaging.outer.kind;
    options.device = std::string(config::name_of(config.training.device));
    auto trainer = training::make_trainer(std::move(options));
    // Nothing was learned yet: its own values as the base make it the reference, whatever they are.
    if (trainer) (*trainer)->install(initial, (*trainer)->values());
    return trainer;
}

Expected<std::optional<training::Evaluator>, Error> make_evaluator(const config::Config& config,
                                                                   const Data& data) {
    if (!data.test) return std::optional<training::Evaluator>();
    auto evaluator =
        training::make_evaluator(model_spec(config), data.test, config.data.test->samples);
    if (!evaluator) return Unexpected<Error>(evaluator.error());
    return std::optional<training::Evaluator>(std::move(*evaluator));
}

Expected<protocol::ReferencePointer, Error> make_initial_reference(
    const config::Config& config, const protocol::AveragingSettings& averaging) {
    const training::ModelSpec spec = model_spec(config);
    if (auto valid = training::validate(spec); !valid) return Unexpected<Error>(valid.error());
    std::vector<float> values;
    if (config.model.weights.empty()) {
        values = training::initial_values(spec);
    } else {
        auto read = training::read_weights(config.model.weights, spec);
        if (!read) return Unexpected<Error>(read.error());
        values = std::move(*read);
    }
    return protocol::make_initial_reference(
        training::shape_of(spec, averaging.monitor, averaging.outer.kind), std::move(values),
        averaging.threshold, spec.seed);
}

protocol::NetworkFields network_fields(const config::Config& config,
                                       const protocol::Reference& initial) {
    const training::ModelSpec spec = model_spec(config);
    protocol::NetworkFields fields;
    if (config.has_averaging_section) fields = fields_of(config.averaging);
    fields["network"] = config.node.network;
    fields["model"] = spec.builtin;
    fields["model.parameters"] = fmt::to_string(initial.values.size());
    fields["model.schema"] = training::schema_digest(spec).hex();
    fields["model.initial"] =
        protocol::Digester().add(std::span<const float>(initial.values)).finish().hex();
    return fields;
}

}  // namespace dynavg::assembly
