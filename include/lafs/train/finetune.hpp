// Supervised training of a recogniser: stage 1 (from scratch, which also learns the landmark CNN) and stage 3
// (from the weights of stages 1 and 2). LAFS, arXiv 2403.08161, section 4; the numbers are the published
// code's.
#pragma once

#include <lafs/core/utf8.hpp>
#include <lafs/data/loader.hpp>
#include <lafs/data/set_outputs.hpp>
#include <lafs/faces/face_model.hpp>
#include <lafs/faces/pair_sets.hpp>
#include <lafs/losses/landmark_regularization.hpp>
#include <lafs/losses/mixup.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/schedule.hpp>
#include <lafs/train/best_checkpoint.hpp>
#include <lafs/train/damage_log.hpp>
#include <lafs/train/face_batches.hpp>
#include <lafs/train/heads.hpp>
#include <lafs/train/loop.hpp>
#include <lafs/train/run_report.hpp>
#include <lafs/train/sampler.hpp>
#include <lafs/train/saved_state.hpp>
#include <lafs/train/set_fingerprint.hpp>
#include <lafs/train/training_set.hpp>
#include <lafs/train/validation_sets.hpp>
#include <memory>

namespace lafs::inline LAFS_ABI {

/// Options of supervised training. Numbers below 0 take the published value, or the one that suits the stage.
struct FinetuneOptions {
    RunOptions run;
    HeadOptions head;
    std::filesystem::path init_landmarks;             ///< weights with a landmark CNN (of stage 1)
    std::filesystem::path init_backbone;              ///< weights with a transformer (the teacher of stage 2)
    std::int64_t few_shot = 0;                        ///< images of each identity; 0: all
    double partition = 1;                             ///< the first share of the records
    std::vector<std::filesystem::path> bins;          ///< verification sets to validate on (lfw.bin)
    std::vector<std::filesystem::path> pairs, roots;  ///< lists of pairs, and the folders of their images
    std::int64_t validate_every = 5;  ///< epochs between validations; the last epoch always is
    double weight_decay = 0.1;
    double layer_decay = -1;             ///< < 0: 0.58 with init_backbone, else 1 (none)
    double clip = 0;                     ///< largest norm of all gradients; 0: no clipping
    std::int64_t accumulate = 1;         ///< batches of one optimiser step
    double mixup = 0;                    ///< probability of mixing a batch
    double mixup_alpha = 0.2;            ///< of the Beta distribution of its shares
    double label_smoothing = 0;          ///< share of a label that goes to all classes alike
    double landmark_regularization = 0;  ///< factor on the published weights; 0: off
    double dropout = 0.1, stochastic_depth = 0.1;
    FaceAugmentation augmentation;
};

/// The names of `use_augmentation`.
inline const std::vector<std::string> augmentation_names = {"none", "flip", "webface", "ms1mv3"};

/// Sets augmentation and mixup as a whole: `none`, `flip` (the default), or as published for training on
/// `webface` or `ms1mv3`. Throws for another name.
inline void use_augmentation(FinetuneOptions& options, const std::string& name) {
    const bool ms1mv3 = name == "ms1mv3", published = ms1mv3 || name == "webface";
    require(published || name == "none" || name == "flip", "options", "got the augmentation ", name,
            ", expected none, flip, webface or ms1mv3");
    options.augmentation = {};
    options.augmentation.flip = name != "none";
    options.mixup = 0;
    if (published) {
        options.augmentation.smallest_crop = 0.9;
        options.augmentation.erase = 0.5;
        options.augmentation.rand_augment = ms1mv3 ? 2 : 1;
        options.augmentation.colour_jitter = 0.1;
        options.mixup = ms1mv3 ? 0.2 : 0.1;
    }
}

/// The set that a run trains on (see training_set): `source`, or else what the options name. Throws for a set of one
/// identity.
inline std::shared_ptr<const FaceSource> training_source(const FinetuneOptions& options,
                                                         std::shared_ptr<const FaceSource> source = {}) {
    source = training_set(options.run, options.partition, options.few_shot, std::move(source));
    require(source->identities() >= 2, "finetune", "got a training set of one identity, ", source->name(0),
            " and others, expected at least two to tell apart: a folder with one folder for each identity");
    return source;
}

/// The sets of pairs to validate on: those given, or of a synthetic set's people that are not trained on.
/// Throws for files that cannot be read.
inline std::vector<NamedPairSet> validation_pairs(const FinetuneOptions& options) {
    std::vector<NamedPairSet> sets = open_pair_sets(options.bins, options.pairs, options.roots);
    if (sets.empty() && options.run.data.starts_with("synthetic:"))
        sets.push_back(
            {"synthetic", {}, pair_set(open_source("synthetic:ids=40,images=5,first=2000000"), 400, 10, 1)});
    return sets;
}

/// What a program brings itself; what is left empty is made as the options say.
template <class T = float, class D = Cpu>
struct FinetuneParts {
    /// Instead of `run.data`, which is then only a description that a resumed run must repeat. It is cut as
    /// the options say (training_source).
    std::shared_ptr<const FaceSource> source;
    /// Instead of `head`: a head for the model's width and the identities of the set that is trained on.
    /// `head.name` is then only a description that a resumed run must repeat.
    std::unique_ptr<MarginHead<T, D>> head;
};

/// Stages 1 and 3, in elements of T on device D. A template, so that only programs that train compile the
/// networks.
template <class T, class D = Cpu>
class BasicFinetuneTask final : public TrainingTask {
public:
    /// Opens the set and makes, or loads, the model. Throws for options, files and weights that do not fit.
    explicit BasicFinetuneTask(const FinetuneOptions& options, FinetuneParts<T, D> parts = {})
        : options_(checked(options, parts)),
          source_(training_source(options, std::move(parts.source))),
          sampler_(source_->size(), options.run.batch * options.accumulate, options.run.seed),
          damage_(source_),
          loader_(FaceBatches(source_, sampler_, options.augmentation, options.run.seed, pieces(),
                              options.run.skip_damaged),
                  options.run.workers,
                  std::max<std::int64_t>(options.run.epochs, 1) * steps_per_epoch() * pieces()),
          validation_(validation_pairs(options)),
          model_(seeded(spec_of(options), options.run.seed)),
          head_(parts.head ? std::move(parts.head)
                           : make_head<T, D>(options_.head, model_.width(), source_->identities())) {
        const Shape classes{source_->identities(), model_.width()};
        require(head_->weight.shape() == classes, "finetune", "got a head with weights of shape ",
                head_->weight.shape(), ", expected (identities, features) ", classes);
        if (options.label_smoothing != 0)  // a head that was given may have its own
            head_->smooth_labels(options.label_smoothing);
        load_initial_weights();
        NamedParameters<T, D> parameters = model_.parameters();
        for (const auto& [name, parameter] : head_->parameters())
            parameters.emplace_back("loss." + name, parameter);
        optimizer_ = std::make_unique<AdamW<T, D>>(layer_decay_groups(
            parameters, model_.spec().vit.depth, layer_decay(), landmark_decay_scale, decayed_parameters()));
        const std::int64_t epochs = std::max<std::int64_t>(options.run.epochs, 1);
        lr_ = cosine_schedule(peak_lr(), std::min(1e-6, peak_lr()), epochs, steps_per_epoch(),
                              options.run.warmup_epochs);
    }

    std::string name() const override { return "finetune"; }

    nlohmann::ordered_json settings() const override {
        auto result = run_settings(options_.run);
        result.update({{"head", options_.head.name},
                       {"scale", options_.head.scale},
                       {"margin", options_.head.margin},
                       {"easy_margin", options_.head.easy_margin},
                       {"init_landmarks", options_.init_landmarks.string()},
                       {"init_backbone", options_.init_backbone.string()},
                       {"few_shot", options_.few_shot},
                       {"partition", options_.partition},
                       {"weight_decay", options_.weight_decay},
                       {"layer_decay", layer_decay()},
                       {"clip", options_.clip},
                       {"accumulate", options_.accumulate},
                       {"mixup", options_.mixup},
                       {"mixup_alpha", options_.mixup_alpha},
                       {"label_smoothing", options_.label_smoothing},
                       {"validation", texts(options_.bins, options_.pairs)},
                       {"validate_every", options_.validate_every},
                       {"landmark_regularization", options_.landmark_regularization},
                       {"dropout", options_.dropout},
                       {"stochastic_depth", options_.stochastic_depth},
                       {"flip", options_.augmentation.flip},
                       {"smallest_crop", options_.augmentation.smallest_crop},
                       {"erase", options_.augmentation.erase},
                       {"rand_augment", options_.augmentation.rand_augment},
                       {"colour_jitter", options_.augmentation.colour_jitter}});
        return result;
    }

    std::int64_t steps_per_epoch() const override { return sampler_.steps_per_epoch(); }

    StepResult train_step(std::int64_t step) override {
        const std::int64_t batches = pieces();
        optimizer_->zero_grad();
        StepResult result;
        StepLosses losses;
        for (std::int64_t i = 0; i < batches; ++i) {
            const FaceBatch batch = loader_.get(step * batches + i);
            damage_.note(batch.reads, result);
            add_gradients(batch, step, losses);
        }
        if (batches > 1)
            scale_gradients(optimizer_->parameters(), 1.0 / static_cast<double>(batches));
        const Tensor<double, D> norm = options_.clip > 0
                                           ? clip_global(optimizer_->parameters(), options_.clip)
                                           : gradient_norm(optimizer_->parameters());
        optimizer_->step(lr_.at(step), options_.weight_decay, norm);
        const double length = norm.item();  // waits for the whole step
        result.loss = StepLosses::sum(losses.loss) / static_cast<double>(batches);
        result.images = sampler_.batch();
        if (!std::isfinite(length))
            result.loss = length;  // the loop stops: nothing was updated
        result.fields = {
            {"lr", lr_.at(step)}, {"weight_decay", options_.weight_decay}, {"gradient_norm", length}};
        if (options_.landmark_regularization > 0)
            result.fields.push_back(
                {"landmark_loss", StepLosses::sum(losses.landmarks) / static_cast<double>(batches)});
        return result;
    }

    std::vector<LogField> end_epoch(std::int64_t epoch) override {
        const bool last = epoch + 1 == options_.run.epochs;
        if (validation_.empty() || (!last && (epoch + 1) % options_.validate_every != 0))
            return {};
        validate();
        std::vector<LogField> fields = validation_.log_fields();
        if (best_.offer(validation_.mean_accuracy(), epoch))
            save_model(options_.run.out / "best.safetensors");
        fields.emplace_back("best_accuracy", best_.accuracy());
        fields.emplace_back("best_epoch", best_.epoch());
        return fields;
    }

    std::string remarks() const override { return damage_.remarks(); }

    std::vector<NamedPath> inputs() const override {
        std::vector<NamedPath> paths{{"--init-landmarks", options_.init_landmarks},
                                     {"--init-backbone", options_.init_backbone}};
        for (const auto& file : options_.pairs)
            paths.push_back({"--pairs", split_colour_order(file.string()).name});
        for (const auto& file : options_.bins)
            paths.push_back({"--bin", split_colour_order(file.string()).name});
        return paths;
    }

    void save_state(SafetensorsWriter& writer) override {
        save_fingerprint(writer, fingerprint_);
        damage_.save(writer);
        best_.save(writer);
        add_weights(writer, model_, "model.");
        add_weights(writer, *head_, "loss.");
        add_optimizer(writer, *optimizer_);
    }

    void load_state(const SafetensorsFile& file) override {
        check_fingerprint(file, fingerprint_);
        damage_.load(file);
        best_.load(file);
        load_weights(model_, file, "model.");
        load_weights(*head_, file, "loss.");
        load_optimizer(file, *optimizer_);
    }

    /// model.safetensors: the recogniser and its class weights; landmarks.safetensors: the landmark CNN
    /// alone. Beside them is best.safetensors, the model of the best validation.
    void export_weights(const std::filesystem::path& out) override {
        save_model(out / "model.safetensors");
        if (model_.has_landmarks())
            save_weights(model_, out / "landmarks.safetensors", model_metadata(model_.spec()),
                         is_landmark_name);
    }

    void write_report(const std::filesystem::path& file, const std::filesystem::path& log) override {
        if (!validation_.empty() && verification().empty())
            validate();
        nlohmann::ordered_json facts = settings();
        if (best_.epoch() >= 0)
            facts["best.safetensors"] =
                detail::formatted("epoch %lld, mean accuracy %.2f %%", static_cast<long long>(best_.epoch()),
                                  100 * best_.accuracy());
        Report report = run_report("Supervised training", facts, log, training_charts());
        validation_.add_to(report, log);
        add_model_pictures(report, model_, *source_);
        report.write(file);
    }

    FaceModel<T, D>& model() { return model_; }
    /// The latest validation, set by set; empty where there was none.
    const std::vector<SetVerification>& verification() const { return validation_.results(); }

private:
    static FinetuneOptions checked(FinetuneOptions options, const FinetuneParts<T, D>& parts) {
        if (parts.source && options.run.data.empty())
            options.run.data = "a source of the program";
        check_run_options(options.run);
        check_apart(options.run.out, options.run.data);
        check_augmentation(options.augmentation);
        require(options.accumulate >= 1, "options", "got --accumulate ", options.accumulate,
                ", expected at least 1");
        require(options.mixup >= 0 && options.mixup <= 1, "options", "got --mixup ", options.mixup,
                ", expected a probability");
        require(options.mixup_alpha > 0 && std::isfinite(options.mixup_alpha), "options",
                "got --mixup-alpha ", options.mixup_alpha, ", expected a number above 0");
        require(options.validate_every >= 1, "options", "got --validate-every ", options.validate_every,
                ", expected at least 1");
        require(options.clip >= 0, "options", "got --clip ", options.clip, ", expected 0 (off) or more");
        require(options.landmark_regularization <= 0 || !options.init_landmarks.empty(), "options",
                "landmark regularization needs the landmark CNN to stay near: give --init-landmarks");
        return options;
    }

    static std::vector<std::string> texts(const std::vector<std::filesystem::path>& a,
                                          const std::vector<std::filesystem::path>& b) {
        std::vector<std::string> all;
        for (const auto* paths : {&a, &b})
            for (const std::filesystem::path& path : *paths)
                all.push_back(path.string());
        return all;
    }

    static ModelSpec spec_of(const FinetuneOptions& options) {
        ModelSpec spec = trained_model(options.run.model);
        spec.vit.dropout = spec.vit.embedding_dropout = options.dropout;
        spec.vit.stochastic_depth = options.stochastic_depth;
        spec.vit.recompute = options.run.recompute;
        return spec;
    }

    static ModelSpec seeded(ModelSpec spec, std::uint64_t seed) {
        manual_seed(seed);
        return spec;
    }

    /// Batches of one optimiser step.
    std::int64_t pieces() const { return std::min(options_.accumulate, sampler_.batch()); }

    double layer_decay() const {
        if (options_.layer_decay >= 0)
            return options_.layer_decay;
        return options_.init_backbone.empty() || !model_.has_transformer() ? 1.0 : 0.58;
    }

    /// Of stage 3 with a pre-trained network, of stage 1 without.
    DecayedParameters decayed_parameters() const {
        return options_.init_backbone.empty() ? DecayedParameters::all : DecayedParameters::matrices;
    }

    double peak_lr() const {
        if (options_.run.learning_rate > 0)
            return options_.run.learning_rate;
        return supervised_peak_lr(options_.run.batch, options_.accumulate);
    }

    void load_initial_weights() {
        const auto tell = [](const WeightsReport& report) {
            std::fprintf(stderr, "%s\n", valid_utf8(report.text()).c_str());
        };
        if (!options_.init_landmarks.empty()) {
            tell(load_for_training(model_.part(), options_.init_landmarks, is_landmark_name));
            frozen_landmarks_ = std::make_unique<LandmarkCnn<T, D>>(model_.part().landmark_cnn.config);
            load_for_training(*frozen_landmarks_, options_.init_landmarks);
            frozen_landmarks_->eval();
        }
        if (!options_.init_backbone.empty())
            tell(load_for_training(model_, options_.init_backbone,
                                   [](const std::string& name) { return !is_landmark_name(name); }));
    }

    /// Losses of a step, where they were computed: read at its end, so that no batch waits for the device.
    struct StepLosses {
        PoolVector<Tensor<T, D>> loss, landmarks;

        static double sum(const PoolVector<Tensor<T, D>>& losses) {
            double total = 0;
            for (const Tensor<T, D>& one : losses)
                total += static_cast<double>(one.item());
            return total;
        }
    };

    /// Forward and backward of one batch.
    void add_gradients(const FaceBatch& batch, std::int64_t step, StepLosses& losses) {
        detail::check_labels(batch.labels, batch.labels.size(), source_->identities(), "finetune");
        const auto labels = from_host<std::int64_t, D>(batch.labels);
        RandomSequence random(options_.run.seed ^ 0x6d697875, static_cast<std::uint64_t>(batch.number));
        Tensor<T, D> images = from_host<T, D>(batch.images), targets;
        if (random.uniform() < options_.mixup) {
            const double lambda = draw_mixup_lambda(random, options_.mixup_alpha);
            images = mixup_images(images, lambda);
            targets = mixup_labels<T>(labels, source_->identities(), lambda);
        }
        model_.train();
        Variable<T, D> penalty;
        const Variable<T, D> features = forward(Variable<T, D>(images), step, penalty);
        Variable<T, D> loss =
            targets.defined() ? head_->loss(features, targets) : head_->loss(features, labels);
        losses.loss.push_back(loss.value());
        if (penalty.defined()) {
            losses.landmarks.push_back(penalty.value());
            loss = loss + penalty;
        }
        loss.backward();
    }

    /// Features; and the landmark regularization at its weight of this epoch, if it is on.
    Variable<T, D> forward(const Variable<T, D>& images, std::int64_t step, Variable<T, D>& penalty) {
        const double weight =
            options_.landmark_regularization * landmark_regularisation_weight().at(step / steps_per_epoch());
        if (!frozen_landmarks_ || weight <= 0)
            return model_.forward(images);
        const Variable<T, D> points = model_.part().landmarks(images);
        Tensor<T, D> frozen;
        {
            const NoGrad no_grad;
            frozen = frozen_landmarks_->landmarks(images).value();
        }
        penalty = landmark_regularization(points, frozen) * weight;
        return model_.part().forward(images, points);
    }

    void validate() {
        validation_.verify([this](const Tensor<float>& images) { return model_.embed_host(images); },
                           [this](const std::string& line) { say(line); });
    }

    /// The recogniser and its class weights.
    void save_model(const std::filesystem::path& file) {
        SafetensorsWriter writer;
        for (const auto& [key, value] : model_metadata(model_.spec()))
            writer.metadata(key, value);
        add_weights(writer, model_);
        add_weights(writer, *head_, "loss.");
        writer.save(file);
    }

    FinetuneOptions options_;
    std::shared_ptr<const FaceSource> source_;
    SetFingerprint fingerprint_ = fingerprint(*source_);
    EpochSampler sampler_;
    DamageLog damage_;
    Loader<FaceBatches> loader_;
    ValidationSets validation_;
    BestCheckpoint best_;
    FaceModel<T, D> model_;
    std::unique_ptr<MarginHead<T, D>> head_;
    std::unique_ptr<LandmarkCnn<T, D>> frozen_landmarks_;
    std::unique_ptr<AdamW<T, D>> optimizer_;
    Schedule lr_ = constant_schedule(0);
};

/// The task in single precision, which is what the loaders of images give.
using FinetuneTask = BasicFinetuneTask<float>;

}  // namespace lafs::inline LAFS_ABI
