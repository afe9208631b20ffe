// Self-supervised pre-training without labels, stage 2: LAFS (arXiv 2403.08161), or DINO (arXiv 2104.14294)
// on the plain grid. The numbers are those of the published code.
#pragma once

#include <lafs/core/utf8.hpp>
#include <lafs/data/loader.hpp>
#include <lafs/data/set_outputs.hpp>
#include <lafs/faces/face_model.hpp>
#include <lafs/losses/dino_loss.hpp>
#include <lafs/models/dino_head.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/schedule.hpp>
#include <lafs/optim/sgd.hpp>
#include <lafs/ssl/collapse_monitor.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <lafs/train/damage_log.hpp>
#include <lafs/train/knn_probe.hpp>
#include <lafs/train/loop.hpp>
#include <lafs/train/run_report.hpp>
#include <lafs/train/sampler.hpp>
#include <lafs/train/saved_state.hpp>
#include <lafs/train/set_fingerprint.hpp>
#include <lafs/train/training_set.hpp>
#include <lafs/train/view_batches.hpp>
#include <memory>
#include <optional>

namespace lafs::inline LAFS_ABI {

/// Share of a picture's area that a random crop keeps.
struct CropScale {
    double smallest = 0, largest = 0;
};

/// Options of pre-training. Sizes and scales of 0 take what is published for the method.
struct PretrainOptions {
    RunOptions run;
    std::string method = "lafs";      ///< lafs or dino
    std::filesystem::path landmarks;  ///< weights with a landmark CNN (of stage 1); for lafs
    std::int64_t few_shot = 0;        ///< images of each identity; 0: all
    double partition = 1;             ///< the first share of the records
    ProbeOptions probe;               ///< a labelled set that the teacher is asked about
    std::string optimizer = "adamw";  ///< adamw, sgd or lars
    std::int64_t prototypes = 0;      ///< K; 0: 100 000 for base, 4096 below
    std::int64_t head_hidden = 2048, bottleneck = 256;
    int local_views = 8;
    CropScale global_scale, local_scale;  ///< of the crops; 0: 0.4 .. 1, for dino's local views 0.05 .. 0.4
    int local_size = 0;                   ///< side of a local view in pixels; 0: 112, for dino 48
    double perturbation = 5;
    std::int64_t local_tokens = 0;  ///< landmarks of a local view; 0: 36. For dino the patches of local_size
    double min_lr = 1e-6;           ///< learning rate at the end, where the peak is not below it
    double weight_decay = 0.04, final_weight_decay = 0.4;
    double momentum = 0.996;
    double warmup_teacher_temperature = 0.07, teacher_temperature = 0.04;
    std::int64_t warmup_teacher_epochs = 30;
    double clip = 3;                     ///< largest norm of each parameter's gradient; 0: no clipping
    std::int64_t freeze_last_layer = 1;  ///< epochs in which the prototypes stay
    double dropout = 0.1, stochastic_depth = 0.1;  ///< of the student
    bool teacher_dropout = false;                  ///< of the teacher, too, as in the published code
};

/// Transformer and head under the published names "backbone." and "head.".
template <class T = float, class D = Cpu>
struct SelfDistillationNetwork : Module<T, D> {
    Vit<T, D> backbone;
    DinoHead<T, D> head;

    SelfDistillationNetwork(const VitConfig& vit, const DinoHeadConfig& head_config)
        : backbone(vit), head(head_config) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("backbone", backbone);
        visitor.child("head", head);
    }

    /// Tokens (B, n, values) -> rows of the bottleneck (B, F), of length 1.
    Variable<T, D> rows(const Variable<T, D>& tokens) const {
        return head.bottleneck(backbone.forward_tokens(tokens));
    }
    /// What the loss takes: the rows, and the last layer.
    Prototypes<T, D> prototypes(Variable<T, D> rows) const {
        return {std::move(rows), head.last.weight, head.gain.value()};
    }
};

/// Stage 2, in elements of T on device D. A template, so that only programs that train compile the networks.
template <class T, class D = Cpu>
class BasicPretrainTask final : public TrainingTask {
public:
    /// Opens the set and makes the networks. Throws for options, files and weights that do not fit.
    /// A `source` that is given stands for `run.data`, which is then only a description that a resumed run must
    /// repeat; it is cut as the options say (training_set).
    explicit BasicPretrainTask(const PretrainOptions& options,
                               std::shared_ptr<const FaceSource> source = nullptr)
        : options_(checked(options, source != nullptr)),
          source_(training_set(options.run, options.partition, options.few_shot, std::move(source))),
          sampler_(source_->size(), options.run.batch, options.run.seed),
          spec_(seeded_spec(options)),
          head_config_{spec_.vit.width, prototypes(), options.head_hidden, options.bottleneck},
          student_(spec_.vit, head_config_),
          teacher_(spec_.vit, head_config_),
          ema_(student_, teacher_),
          loss_(prototypes()),
          monitor_(prototypes()),
          damage_(source_),
          loader_(ViewBatches(source_, sampler_, MultiCrop(crop_options(options)), view_seed(options),
                              options.run.skip_damaged),
                  options.run.workers, std::max<std::int64_t>(options.run.epochs, 1) * steps_per_epoch()) {
        view_options_.patch = spec_.vit.patch;
        view_options_.perturbation = options.perturbation;
        view_options_.local_tokens = local_tokens(options);
        teacher_.train(options.teacher_dropout);
        load_landmark_cnn();
        student_.head.gain.set_requires_grad(false);
        make_optimizer();
        make_schedules();
        if (!options.probe.data.empty())
            probe_ = std::make_unique<KnnProbe>(options.probe, options.run.seed);
    }

    std::string name() const override { return "pretrain"; }

    nlohmann::ordered_json settings() const override {
        const MultiCropOptions crops = crop_options(options_);
        auto result = run_settings(options_.run);
        result.update({{"method", options_.method},
                       {"landmarks", options_.landmarks.string()},
                       {"few_shot", options_.few_shot},
                       {"partition", options_.partition},
                       {"optimizer", options_.optimizer},
                       {"prototypes", prototypes()},
                       {"head_hidden", options_.head_hidden},
                       {"bottleneck", options_.bottleneck},
                       {"local_views", options_.local_views},
                       {"global_scale", {crops.global_crop.smallest, crops.global_crop.largest}},
                       {"local_scale", {crops.local_crop.smallest, crops.local_crop.largest}},
                       {"local_size", crops.local_size},
                       {"perturbation", options_.perturbation},
                       {"local_tokens", local_tokens(options_)},
                       {"min_lr", options_.min_lr},
                       {"weight_decay", options_.weight_decay},
                       {"final_weight_decay", options_.final_weight_decay},
                       {"momentum", options_.momentum},
                       {"warmup_teacher_temperature", options_.warmup_teacher_temperature},
                       {"teacher_temperature", options_.teacher_temperature},
                       {"warmup_teacher_epochs", options_.warmup_teacher_epochs},
                       {"clip", options_.clip},
                       {"freeze_last_layer", options_.freeze_last_layer},
                       {"dropout", options_.dropout},
                       {"stochastic_depth", options_.stochastic_depth},
                       {"teacher_dropout", options_.teacher_dropout}});
        return result;
    }

    std::int64_t steps_per_epoch() const override { return sampler_.steps_per_epoch(); }

    StepResult train_step(std::int64_t step) override {
        const std::int64_t epoch = step / steps_per_epoch();
        StepResult result;
        const ViewTokens<T, D> tokens = next_tokens(step, result);
        optimizer_->zero_grad();
        const double temperature = temperature_.at(epoch);
        const DinoResult<T, D> outcome =
            loss_.forward(student_prototypes(tokens), teacher_prototypes(tokens), temperature);
        outcome.loss.backward();
        if (epoch < options_.freeze_last_layer)
            student_.head.last.weight.zero_grad();
        const Tensor<double, D> norm = options_.clip > 0 ? clip_each(optimizer_->parameters(), options_.clip)
                                                         : gradient_norm(optimizer_->parameters());
        optimizer_->step(lr_.at(step), weight_decay_.at(step), norm);
        ema_.update(momentum_.at(step), norm);
        const double length = norm.item();  // waits for the whole step
        const double entropy = outcome.teacher_entropy.item();
        result.loss = static_cast<double>(outcome.loss.item());
        result.images = sampler_.batch();
        if (!std::isfinite(length)) {
            result.loss = length;  // the loop stops: nothing was updated
            return result;
        }
        result.fields = {{"lr", lr_.at(step)},
                         {"weight_decay", weight_decay_.at(step)},
                         {"momentum", momentum_.at(step)},
                         {"teacher_temperature", temperature},
                         {"gradient_norm", length},
                         {"teacher_entropy", entropy},
                         {"teacher_kl", outcome.kl_to_uniform.item()},
                         {"centre_norm", outcome.centre_norm.item()}};
        warning_ = monitor_.observe(result.loss, entropy);
        if (warning_) {
            say("warning: step " + std::to_string(step) + ": " + *warning_);
            result.fields.push_back({"warning", std::string_view(*warning_)});
        }
        return result;
    }

    std::vector<LogField> end_epoch(std::int64_t) override {
        if (!probe_)
            return {};
        ask_probe();
        return probe_->log_fields();
    }

    std::string remarks() const override { return damage_.remarks(); }

    std::vector<NamedPath> inputs() const override { return {{"--landmarks", options_.landmarks}}; }

    void save_state(SafetensorsWriter& writer) override {
        save_fingerprint(writer, fingerprint_);
        damage_.save(writer);
        add_weights(writer, student_, "student.");
        add_weights(writer, teacher_, "teacher.");
        add_averages(writer, ema_);
        add_weights(writer, loss_, "dino_loss.");
        add_optimizer(writer, *optimizer_);
    }

    void load_state(const SafetensorsFile& file) override {
        check_fingerprint(file, fingerprint_);
        damage_.load(file);
        load_weights(student_, file, "student.");
        load_weights(teacher_, file, "teacher.");
        load_averages(file, ema_);
        load_weights(loss_, file, "dino_loss.");
        load_optimizer(file, *optimizer_);
    }

    /// teacher.safetensors: the teacher's transformer, and the landmark CNN it was trained with: a whole
    /// recogniser.
    void export_weights(const std::filesystem::path& out) override {
        SafetensorsWriter writer;
        for (const auto& [key, value] : model_metadata(spec_))
            writer.metadata(key, value);
        add_weights(writer, teacher_.backbone);
        if (landmark_cnn_)
            add_weights(writer, *landmark_cnn_);
        writer.save(out / "teacher.safetensors");
    }

    void write_report(const std::filesystem::path& file, const std::filesystem::path& log) override {
        auto charts = training_charts();
        for (const LogChart& chart : collapse_charts())
            charts.push_back(chart);
        Report report = run_report("Self-supervised pre-training", settings(), log, charts);
        if (probe_) {
            if (!probe_->asked())
                ask_probe();
            probe_->add_to(report, log);
        }
        auto model = load_face_model<T, D>(file.parent_path() / "teacher.safetensors");
        add_model_pictures(report, model, *source_);
        report.write(file);
    }

private:
    static PretrainOptions checked(PretrainOptions options, bool own_source) {
        if (own_source && options.run.data.empty())
            options.run.data = "a source of the program";
        check_run_options(options.run);
        check_apart(options.run.out, options.run.data);
        require(options.method == "lafs" || options.method == "dino", "options", "got --method ",
                options.method, ", expected lafs or dino");
        require(options.method != "lafs" || !options.landmarks.empty(), "options",
                "lafs needs the landmark CNN of stage 1: give --landmarks");
        require(options.min_lr >= 0 && options.min_lr < 1e3, "options", "got --min-lr ", options.min_lr,
                ", expected 0 or more");
        check_local_views(options);
        require(options.prototypes == 0 || options.prototypes >= 2, "options", "got --prototypes ",
                options.prototypes, ", expected at least 2");
        require(options.clip >= 0, "options", "got --clip ", options.clip, ", expected 0 (off) or more");
        return options;
    }

    static ModelSpec seeded_spec(const PretrainOptions& options) {
        ModelSpec spec = trained_model(options.run.model);
        require(spec.is_transformer(), "options", "got --model ", options.run.model,
                ", expected a transformer: pre-training is on tokens");
        spec.landmarks = options.method == "lafs";
        spec.vit.dropout = spec.vit.embedding_dropout = options.dropout;
        spec.vit.stochastic_depth = options.stochastic_depth;
        spec.vit.recompute = options.run.recompute;
        manual_seed(options.run.seed);
        return spec;
    }

    /// The method's crops, with what the options change.
    static MultiCropOptions crop_options(const PretrainOptions& options) {
        MultiCropOptions crops = options.method == "dino" ? dino_crops() : MultiCropOptions();
        crops.local_views = options.local_views;
        if (options.local_size > 0)
            crops.local_size = options.local_size;
        const auto keep = [](BoxRange& range, const CropScale& scale) {
            if (scale.largest > 0) {
                range.smallest = scale.smallest;
                range.largest = scale.largest;
            }
        };
        keep(crops.global_crop, options.global_scale);
        keep(crops.local_crop, options.local_scale);
        return crops;
    }

    /// Of a local view: landmarks, or the patches of its grid.
    static std::int64_t local_tokens(const PretrainOptions& options) {
        if (options.method == "lafs")
            return options.local_tokens > 0 ? options.local_tokens : 36;
        const std::int64_t side =
            crop_options(options).local_size / trained_model(options.run.model).vit.patch;
        return side * side;
    }

    static void check_local_views(const PretrainOptions& options) {
        const std::int64_t size = crop_options(options).local_size,
                           patch = trained_model(options.run.model).vit.patch;
        require(options.local_size >= 0 && size <= face_size && size % patch == 0, "options",
                "got --local-size ", options.local_size, ", expected a multiple of the patches' ", patch,
                " pixels up to ", face_size);
        require(options.method == "dino" || size == face_size, "options", "got --local-size ", size,
                ", expected ", face_size, ": the landmark CNN looks at pictures of this size");
        require(options.local_tokens >= 0 && options.local_tokens <= 196, "options", "got --local-tokens ",
                options.local_tokens, ", expected 1 .. 196, or 0 for the method's");
        require(options.local_tokens == 0 || options.local_tokens == local_tokens(options), "options",
                "got --local-tokens ", options.local_tokens, ", expected ", local_tokens(options),
                ", the patches of a local view of ", size, " pixels: change --local-size");
    }

    static std::uint64_t view_seed(const PretrainOptions& options) { return options.run.seed ^ 0x76696577; }

    std::int64_t prototypes() const {
        if (options_.prototypes > 0)
            return options_.prototypes;
        return spec_.vit.width >= VitConfig::base8().width ? 100000 : 4096;
    }

    void load_landmark_cnn() {
        if (options_.method != "lafs")
            return;
        landmark_cnn_ = std::make_unique<LandmarkCnn<T, D>>(LandmarkCnnConfig{spec_.vit.tokens, face_size});
        const WeightsReport report = load_for_training(*landmark_cnn_, options_.landmarks);
        std::fprintf(stderr, "%s\n", valid_utf8(report.text()).c_str());
        landmark_cnn_->requires_grad(false);
        landmark_cnn_->eval();
    }

    void make_optimizer() {
        const auto groups = default_groups(student_.parameters());
        if (options_.optimizer == "adamw")
            optimizer_ = std::make_unique<AdamW<T, D>>(groups);
        else if (options_.optimizer == "sgd")
            optimizer_ = std::make_unique<Sgd<T, D>>(groups);
        else if (options_.optimizer == "lars")
            optimizer_ = std::make_unique<Lars<T, D>>(groups);
        else
            fail("options", "got --optimizer ", options_.optimizer, ", expected adamw, sgd or lars");
    }

    void make_schedules() {
        const std::int64_t epochs = std::max<std::int64_t>(options_.run.epochs, 1), steps = steps_per_epoch();
        const double peak = options_.run.learning_rate > 0 ? options_.run.learning_rate
                                                           : pretraining_peak_lr(options_.run.batch);
        lr_ =
            cosine_schedule(peak, std::min(options_.min_lr, peak), epochs, steps, options_.run.warmup_epochs);
        weight_decay_ = cosine_schedule(options_.weight_decay, options_.final_weight_decay, epochs, steps);
        momentum_ = cosine_schedule(options_.momentum, 1.0, epochs, steps);
        temperature_ =
            lafs::teacher_temperature(options_.warmup_teacher_temperature, options_.teacher_temperature,
                                      options_.warmup_teacher_epochs);
    }

    ViewTokens<T, D> next_tokens(std::int64_t step, StepResult& result) {
        const ViewBatch batch = loader_.get(step);
        damage_.note(batch.reads, result);
        return view_tokens<T, D>(batch, view_options_, landmark_cnn_.get(), view_seed(options_));
    }

    /// The student sees all views, global and local ones in one call each.
    Prototypes<T, D> student_prototypes(const ViewTokens<T, D>& tokens) {
        student_.train();
        Variable<T, D> rows = student_.rows(Variable<T, D>(tokens.global));
        if (tokens.local.defined())
            rows = concatenate({rows, student_.rows(Variable<T, D>(tokens.local))}, 0);
        return student_.prototypes(rows);
    }

    Prototypes<T, D> teacher_prototypes(const ViewTokens<T, D>& tokens) {
        const NoGrad no_grad;
        return teacher_.prototypes(teacher_.rows(Variable<T, D>(tokens.global)));
    }

    void ask_probe() {
        probe_->ask([this](const Tensor<float>& images) { return embed_with_teacher(images); },
                    [this](const std::string& line) { say(line); });
    }

    /// Embeddings of faces as they are, (B, 3, face_size, face_size) -> (B, width), by the teacher in evaluation mode.
    Tensor<float> embed_with_teacher(const Tensor<float>& images) const {
        const EvaluationScope<T, D> evaluation(teacher_);
        const Variable<T, D> pixels(from_host<T, D>(images));
        const Variable<T, D> tokens =
            landmark_cnn_ ? landmark_patches(pixels, landmark_cnn_->landmarks(pixels), spec_.vit.patch)
                          : grid_patches(pixels, spec_.vit.patch);
        return cast<float>(teacher_.backbone.forward_tokens(tokens).value()).template to<Cpu>();
    }

    PretrainOptions options_;
    std::shared_ptr<const FaceSource> source_;
    SetFingerprint fingerprint_ = fingerprint(*source_);
    EpochSampler sampler_;
    ModelSpec spec_;
    DinoHeadConfig head_config_;
    SelfDistillationNetwork<T, D> student_, teacher_;
    EmaTeacher<T, D> ema_;
    DinoLoss<T, D> loss_;
    CollapseMonitor monitor_;
    std::optional<std::string> warning_;
    DamageLog damage_;
    Loader<ViewBatches> loader_;
    ViewOptions view_options_;
    std::unique_ptr<LandmarkCnn<T, D>> landmark_cnn_;
    std::unique_ptr<KnnProbe> probe_;
    std::unique_ptr<Optimizer<T, D>> optimizer_;
    Schedule lr_ = constant_schedule(0), weight_decay_ = constant_schedule(0),
             momentum_ = constant_schedule(0), temperature_ = constant_schedule(0);
};

/// The task in single precision, which is what the loaders of images give.
using PretrainTask = BasicPretrainTask<float>;

}  // namespace lafs::inline LAFS_ABI
