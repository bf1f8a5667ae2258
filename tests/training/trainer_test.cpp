#include "training/trainer.hpp"

#include <cmath>
#include <limits>
#include <thread>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/evaluator.hpp"
#include "training/kernels/drift_kernel.hpp"
#include "training/kernels/sketch_kernel.hpp"

namespace dynavg::training::tests {

namespace {

using protocol::MonitorKind;

const ModelSpec kSmall{.builtin = "mlp", .hidden = {16}};

std::vector<float> contribution(const Trainer& trainer) {
    std::vector<float> values(trainer.shape().values());
    trainer.copy_contribution(values);
    return values;
}

std::vector<float> after_steps(const TrainerOptions& options, int steps) {
    const auto trainer = trainer_of(options);
    run_steps(*trainer, steps);
    return contribution(*trainer);
}

std::string refusal(const TrainerOptions& options) {
    const auto made = make_trainer(options);
    return made ? std::string() : made.error().message;
}

}  // namespace

TEST_CASE("equal options give equal bits", "[trainer]") {
    for (const ModelSpec& model : {ModelSpec{}, kSmall}) {
        const TrainerOptions options = options_for(model);
        CHECK(same_bits(after_steps(options, 20), after_steps(options, 20)));
    }
}

TEST_CASE("equal bits on threads that train at the same time", "[trainer]") {
    // Catch2's assertions belong to one thread: the trainers are made before the other starts.
    const TrainerOptions options = options_for({});
    const auto mine = trainer_of(options);
    const auto other = trainer_of(options);
    std::thread thread([&other] { run_steps(*other, 20); });
    run_steps(*mine, 20);
    thread.join();
    CHECK(same_bits(contribution(*mine), contribution(*other)));
}

TEST_CASE("another seed, shard index or shard trains otherwise", "[trainer]") {
    const TrainerOptions options = options_for(kSmall);
    const auto expected = after_steps(options, 3);
    TrainerOptions changed = options;
    changed.seed = 2;
    CHECK(after_steps(changed, 3) != expected);
    changed = options;
    changed.shard_index = 1;
    CHECK(after_steps(changed, 3) != expected);
    changed = options;
    changed.shard.samples.resize(250);
    CHECK(after_steps(changed, 3) != expected);
}

TEST_CASE("the batch belongs to the step: asking twice changes nothing", "[trainer]") {
    const auto trainer = trainer_of(options_for(kSmall));
    const double loss = trainer->compute_gradient();
    CHECK(trainer->compute_gradient() == loss);
    trainer->apply_update();
    CHECK(trainer->step() == 1);
    CHECK(trainer->compute_gradient() != loss);
}

TEST_CASE("a restored trainer goes on to the bit", "[trainer]") {
    const TrainerOptions options = options_for(kSmall);
    const auto expected = after_steps(options, 12);
    const auto first = trainer_of(options);
    const auto reference = install_initial(*first, kSmall);
    run_steps(*first, 5);
    const auto second = trainer_of(options);
    install_initial(*second, kSmall);
    REQUIRE(second->restore(reference, contribution(*first), first->optimizer_state(), 5));
    CHECK(second->step() == 5);
    CHECK(second->local_state().squared_norm == first->local_state().squared_norm);
    run_steps(*second, 7);
    CHECK(same_bits(contribution(*second), expected));
}

TEST_CASE("a model that is set keeps its reference, optimizer and steps", "[trainer]") {
    const auto trainer = trainer_of(options_for(kSmall));
    const auto reference = install_initial(*trainer, kSmall);
    run_steps(*trainer, 3);
    const std::vector<std::byte> optimizer = trainer->optimizer_state();
    std::vector<float> model = reference->values;
    model[0] += 3;
    trainer->set_model(model);
    CHECK(same_bits(contribution(*trainer), model));
    CHECK(trainer->local_state().squared_norm == Approx(9));
    CHECK(trainer->optimizer_state() == optimizer);
    CHECK(trainer->step() == 3);
}

TEST_CASE("without its optimizer's state a trainer goes on from the model, and says so",
          "[trainer]") {
    const TrainerOptions options = options_for(kSmall);
    const auto first = trainer_of(options);
    const auto reference = install_initial(*first, kSmall);
    run_steps(*first, 5);
    const auto second = trainer_of(options);
    install_initial(*second, kSmall);
    CHECK_FALSE(second->restore(reference, contribution(*first), {}, 5));
    CHECK(second->step() == 5);
    CHECK(same_bits(contribution(*second), contribution(*first)));
}

TEST_CASE("training learns", "[trainer]") {
    const auto trainer = trainer_of(options_for(kSmall));
    const double before = trainer->compute_gradient();
    run_steps(*trainer, 400);
    CHECK(trainer->compute_gradient() < 0.5 * before);
}

TEST_CASE("every sample of the shard is drawn, and no other", "[trainer]") {
    // A logistic model's gradient is zero but for the labels in its batch when all images are
    // black: the biases show which labels came.
    auto dataset = std::make_shared<Dataset>();
    dataset->name = "black";
    dataset->images.resize(10 * ImageShape{}.pixels());
    for (std::uint8_t label = 0; label < 10; ++label) dataset->labels.push_back(label);
    TrainerOptions options = options_for({.builtin = "logistic"});
    options.dataset = dataset;
    options.shard.samples = {2, 5, 7};
    options.batch_size = 64;
    const auto trainer = trainer_of(options);
    trainer->compute_gradient();
    const auto biases = trainer->gradient().last(10);
    double sum = 0;
    for (std::size_t label = 0; label < 10; ++label) {
        INFO("label " << label);
        const bool drawn = label == 2 || label == 5 || label == 7;
        CHECK((biases[label] < 0) == drawn);
        if (!drawn) CHECK(biases[label] == Approx(0.1));
        sum += static_cast<double>(biases[label]);
    }
    CHECK(sum == Approx(0).margin(1e-6));
}

TEST_CASE("the state is that of the drift, as the monitor says", "[trainer]") {
    TrainerOptions options = options_for(kSmall);
    for (const MonitorKind kind : {MonitorKind::norm, MonitorKind::every_step, MonitorKind::linear,
                                   MonitorKind::sketch, MonitorKind::exact}) {
        options.monitor = kind;
        options.sketch_seed = 7;
        const auto trainer = trainer_of(options);
        const auto reference = install_initial(*trainer, kSmall);
        INFO(protocol::name_of(kind));
        CHECK(trainer->local_state().squared_norm == 0);
        run_steps(*trainer, 3);
        const protocol::LocalState state = trainer->local_state();
        CHECK(protocol::is_valid(
            state, protocol::state_values(kind, options.sketch, trainer->shape().parameters)));

        const auto w = contribution(*trainer);
        const auto& base = reference->values;
        double squares = 0;
        double along = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            const double drift = static_cast<double>(w[i]) - static_cast<double>(base[i]);
            squares += drift * drift;
            if (kind == MonitorKind::linear) {
                along += drift * static_cast<double>(reference->direction[i]);
            }
            if (kind == MonitorKind::exact) REQUIRE(state.values[i] == w[i] - base[i]);
        }
        CHECK(squares > 0);
        CHECK(static_cast<double>(state.squared_norm) == Approx(squares).epsilon(1e-6));
        CHECK(static_cast<double>(state.squared_norm) >= drift_squared_norm(w, base));
        if (kind == MonitorKind::linear) {
            CHECK(static_cast<double>(state.values.at(0)) ==
                  Approx(along).margin(1e-6 * std::sqrt(squares)));
        }
        if (kind == MonitorKind::sketch) {
            std::vector<float> sketch(state.values.size());
            (void)drift_norm_and_sketch(w, base, options.sketch, 7, sketch);
            CHECK(state.values == sketch);
        }
    }
}

TEST_CASE("the first install gives exactly the reference, whoever joins when", "[trainer]") {
    const auto trainer = trainer_of(options_for(kSmall));
    const auto values = random_values(trainer->shape().values(), 1);
    auto reference = protocol::make_initial_reference(trainer->shape(), values, 1.0, 1);
    trainer->install(reference, initial_values(kSmall));
    CHECK(same_bits(contribution(*trainer), values));
}

TEST_CASE("an install keeps the steps done since the freeze", "[trainer]") {
    const auto trainer = trainer_of(options_for(kSmall));
    const auto first = install_initial(*trainer, kSmall);
    run_steps(*trainer, 5);
    const auto frozen = contribution(*trainer);
    const auto mean = random_values(frozen.size(), 2, 0.1F);
    const auto next = protocol::make_next_reference(*first, protocol::Epoch(1), mean);
    SECTION("none since: the parameters are the reference, the drift is zero") {
        trainer->install(next, frozen);
        CHECK(same_bits(contribution(*trainer), mean));
        CHECK(trainer->local_state().squared_norm == 0);
    }
    SECTION("two since: they are the new drift") {
        run_steps(*trainer, 2);
        const auto later = contribution(*trainer);
        double squares = 0;
        for (std::size_t i = 0; i < later.size(); ++i) {
            const double drift = static_cast<double>(later[i]) - static_cast<double>(frozen[i]);
            squares += drift * drift;
        }
        trainer->install(next, frozen);
        CHECK(static_cast<double>(trainer->local_state().squared_norm) ==
              Approx(squares).epsilon(1e-4));
    }
    SECTION("not averaged in: the whole drift moves over") {
        const double before = static_cast<double>(trainer->local_state().squared_norm);
        trainer->install(next, first->values);
        CHECK(static_cast<double>(trainer->local_state().squared_norm) ==
              Approx(before).epsilon(1e-4));
    }
}

TEST_CASE("an install does not touch the optimizer, a reset does", "[trainer]") {
    const TrainerOptions options = options_for(kSmall);
    const auto used = trainer_of(options);
    const auto reference = install_initial(*used, kSmall);
    run_steps(*used, 3);
    const auto frozen = contribution(*used);

    SECTION("installing what is there changes nothing that follows") {
        const auto other = trainer_of(options);
        run_steps(*other, 3);
        auto same = protocol::make_next_reference(*reference, protocol::Epoch(1), frozen);
        used->install(same, frozen);
        run_steps(*used, 3);
        run_steps(*other, 3);
        CHECK(same_bits(contribution(*used), contribution(*other)));
    }
    SECTION("a reset gives the reference and an optimizer as new") {
        used->reset_to_reference();
        CHECK(same_bits(contribution(*used), reference->values));
        CHECK(used->step() == 3);
        const auto fresh = trainer_of(options);
        CHECK_FALSE(fresh->restore(reference, reference->values, {}, 3));
        run_steps(*used, 2);
        run_steps(*fresh, 2);
        CHECK(same_bits(contribution(*used), contribution(*fresh)));
    }
}

TEST_CASE("at first only the head learns, then all with an optimizer as new", "[trainer]") {
    TrainerOptions options = options_for({});
    options.head_first_steps = 3;
    const auto trainer = trainer_of(options);
    const auto reference = install_initial(*trainer, {});
    const std::size_t head = layout_of(ModelSpec{}).head();
    // LeNet-5's three dense layers.
    CHECK(trainer->values().size() - head == 401 * 120 + 121 * 84 + 85 * 10);
    run_steps(*trainer, 3);
    const auto before = contribution(*trainer);
    CHECK(same_bits(std::span(before).first(head), std::span(reference->values).first(head)));
    CHECK_FALSE(same_bits(before, reference->values));

    const auto fresh = trainer_of(options_for({}));
    CHECK_FALSE(fresh->restore(reference, before, {}, 3));
    run_steps(*trainer, 2);
    run_steps(*fresh, 2);
    CHECK(same_bits(contribution(*trainer), contribution(*fresh)));
    CHECK_FALSE(same_bits(trainer->values().first(head), std::span(before).first(head)));
}

TEST_CASE("while the head learns, a decay leaves the rest alone, and buffers stand", "[trainer]") {
    const ModelSpec model{.builtin = "densenet121", .input = {3, 32, 32}};
    auto dataset = std::make_shared<Dataset>();
    dataset->name = "grey";
    dataset->shape = model.input;
    dataset->images.assign(4 * model.input.pixels(), 100);
    dataset->labels = {1, 2, 3, 4};
    TrainerOptions options = options_for(model);
    options.dataset = dataset;
    options.shard = whole(4);
    options.batch_size = 2;
    options.head_first_steps = 1;
    options.optimizer.kind = OptimizerKind::adamw;
    options.optimizer.weight_decay = 0.1;
    const auto trainer = trainer_of(options);
    const auto reference = install_initial(*trainer, model);
    const ModelLayout layout = layout_of(model);
    run_steps(*trainer, 1);
    const auto after = contribution(*trainer);
    CHECK(same_bits(std::span(after).first(layout.head()),
                    std::span(reference->values).first(layout.head())));
    CHECK(same_bits(std::span(after).subspan(layout.parameter_count()),
                    std::span(reference->values).subspan(layout.parameter_count())));
    CHECK(trainer->local_state().squared_norm > 0);
}

TEST_CASE("a model that diverged says so and comes back", "[trainer]") {
    TrainerOptions options = options_for(kSmall);
    options.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 1e30};
    const auto trainer = trainer_of(options);
    const auto reference = install_initial(*trainer, kSmall);
    run_steps(*trainer, 4);
    const protocol::LocalState state = trainer->local_state();
    CHECK_FALSE(protocol::is_valid(state, 1));
    trainer->reset_to_reference();
    CHECK(same_bits(contribution(*trainer), reference->values));
    CHECK(protocol::is_valid(trainer->local_state(), 1));
}

TEST_CASE("the evaluator counts over the whole set, in whatever batches", "[evaluator]") {
    const ModelSpec model{.builtin = "logistic"};
    auto dataset = std::make_shared<Dataset>();
    dataset->name = "1100 black images";
    dataset->images.resize(1100 * ImageShape{}.pixels());
    dataset->labels.assign(1100, 3);
    std::fill(dataset->labels.begin(), dataset->labels.begin() + 275, std::uint8_t{4});
    std::vector<float> values(shape_of(model, MonitorKind::norm).values());
    values[values.size() - 10 + 3] = 2.0F;
    auto evaluator = make_evaluator(model, dataset, 0);
    REQUIRE(evaluator.has_value());
    const protocol::Evaluation all = evaluator->evaluate(values);
    const double sum = std::log(std::exp(2.0) + 9);
    CHECK(all.samples == 1100);
    CHECK(all.accuracy == Approx(0.75));
    CHECK(all.loss == Approx(sum - 0.75 * 2).epsilon(1e-6));

    auto some = make_evaluator(model, dataset, 550);
    REQUIRE(some.has_value());
    CHECK(some->evaluate(values).samples == 550);
    CHECK(some->evaluate(values).accuracy == Approx(0.5));
}

TEST_CASE("an evaluator works beside its trainer", "[evaluator]") {
    const TrainerOptions options = options_for({});
    const auto trainer = trainer_of(options);
    auto evaluator = make_evaluator(options.model, options.dataset, 0);
    REQUIRE(evaluator.has_value());
    const auto values = initial_values(options.model);
    const protocol::Evaluation expected = evaluator->evaluate(values);
    protocol::Evaluation beside;
    std::thread thread([&] { beside = evaluator->evaluate(values); });
    run_steps(*trainer, 10);
    thread.join();
    CHECK(beside.loss == expected.loss);
    CHECK(beside.accuracy == expected.accuracy);
}

TEST_CASE("a trainer that cannot work is refused with what to change", "[trainer]") {
    const TrainerOptions good = options_for(kSmall);
    CHECK(refusal(good).empty());
    TrainerOptions bad = good;
    bad.device = "cuda";
    CHECK_THAT(refusal(bad), contains_text("\"cuda\" is not available") && contains_text("cpu"));
    bad = good;
    bad.model.builtin = "resnet";
    CHECK_THAT(refusal(bad), contains_text("resnet"));
    bad = good;
    bad.dataset = nullptr;
    CHECK_THAT(refusal(bad), contains_text("no data"));
    bad = good;
    bad.shard.samples.clear();
    CHECK_THAT(refusal(bad), contains_text("empty"));
    bad = good;
    bad.shard.samples = {499, 500};
    CHECK_THAT(refusal(bad), contains_text("sample 500") && contains_text("has 500"));
    bad = good;
    bad.batch_size = 0;
    CHECK_THAT(refusal(bad), contains_text("batch_size"));
    bad = good;
    bad.optimizer.learning_rate = -1;
    CHECK_THAT(refusal(bad), contains_text("learning_rate"));
    bad = good;
    bad.monitor = MonitorKind::sketch;
    bad.sketch = {5, 250};
    CHECK_THAT(refusal(bad), contains_text("5 x 250") && contains_text("256"));
    bad = good;
    auto wide = std::make_shared<Dataset>(*good.dataset);
    wide->shape = {1, 14, 56};
    bad.dataset = wide;
    CHECK_THAT(refusal(bad), contains_text("14 x 56") && contains_text("28 x 28"));
    CHECK_FALSE(make_evaluator(kSmall, wide, 0).has_value());
    CHECK_FALSE(make_evaluator(kSmall, nullptr, 0).has_value());
}

TEST_CASE("data that change at a step are the others from then on", "[trainer]") {
    const auto before = small_dataset();
    const auto after = changed_data(*before, DataChange::labels);
    for (std::size_t i = 0; i < before->size(); ++i) {
        REQUIRE(after->labels[i] == (before->labels[i] + 1) % 10);
    }
    CHECK(after->images == before->images);
    const auto losses = [](const ChangingDataset& dataset) {
        TrainerOptions options;
        options.model.builtin = "logistic";
        options.dataset = dataset;
        options.shard = whole(dataset->size());
        auto trainer = make_trainer(options).value();
        install_initial(*trainer, options.model);
        std::vector<double> all;
        for (int step = 0; step < 6; ++step) {
            all.push_back(trainer->compute_gradient());
            trainer->apply_update();
        }
        return all;
    };
    const auto plain = losses(before);
    const auto changing = losses({before, after, 3});
    CHECK(std::equal(plain.begin(), plain.begin() + 3, changing.begin()));
    CHECK(plain[3] != changing[3]);
    CHECK(losses({before, after, 0}) == losses(after));
    // A model that has the old labels right has none of the new ones.
    ChangingDataset set(before, after, 3);
    CHECK(&set.at(2) == before.get());
    CHECK(&set.at(3) == after.get());
}

TEST_CASE("pixels change their places in all images alike", "[trainer]") {
    const auto before = small_dataset();
    const auto after = changed_data(*before, DataChange::pixels);
    CHECK(after->labels == before->labels);
    CHECK(after->images != before->images);
    for (const std::size_t sample : {std::size_t{0}, before->size() - 1}) {
        const auto sorted = [sample](const Dataset& set) {
            std::vector<std::uint8_t> pixels(set.image(sample).begin(), set.image(sample).end());
            std::sort(pixels.begin(), pixels.end());
            return pixels;
        };
        CHECK(sorted(*after) == sorted(*before));
    }
    CHECK(changed_data(*before, DataChange::pixels)->images == after->images);
}

}  // namespace dynavg::training::tests
