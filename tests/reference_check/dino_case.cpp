// 05: steps of student and teacher with multi-crop: forward, loss, centre, clipping, frozen last layer,
// AdamW, moving average, schedules.
#include <lafs/autograd/concatenate.hpp>
#include <lafs/losses/dino_loss.hpp>
#include <lafs/models/dino_head.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/parameter_groups.hpp>
#include <lafs/optim/schedule.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "transformer_config.hpp"

namespace lafs_reference {

namespace {

using lafs::SafetensorsFile;
using Tensor = lafs::Tensor<float>;
using Var = lafs::Variable<float>;

double number_of(const SafetensorsFile& file, const std::string& key) {
    return std::stod(file.metadata(key));
}

/// Student or teacher.
struct Network final : lafs::Module<float> {
    explicit Network(const SafetensorsFile& file)
        : backbone(transformer_config(file, "init.backbone.")),
          head({backbone.config().width, integer_of(file, "out_dim"), integer_of(file, "head_hidden"),
                integer_of(file, "head_bottleneck")}) {
        lafs::load_weights(*this, file, "init.");
        eval();  // the reference run has no dropout
    }

    void visit(lafs::Visitor<float, lafs::Cpu>& visitor) override {
        visitor.child("backbone", backbone);
        visitor.child("head", head);
    }

    /// Crops of one number of tokens pass together; the head sees all of them at once.
    lafs::Prototypes<float> forward(const std::vector<Var>& global, const std::vector<Var>& local) const {
        Var x = backbone.forward_tokens(lafs::concatenate(std::span(global), 0));
        if (!local.empty())
            x = lafs::concatenate({x, backbone.forward_tokens(lafs::concatenate(std::span(local), 0))}, 0);
        return {head.bottleneck(x), head.last.weight, head.gain.value()};
    }

    lafs::Vit<float> backbone;
    lafs::DinoHead<float> head;
};

/// The schedules, by step and epoch, checked against those of the file.
struct Schedules {
    explicit Schedules(const SafetensorsFile& file)
        : epochs(integer_of(file, "epochs")),
          steps_per_epoch(integer_of(file, "iterations_per_epoch")),
          lr(lafs::cosine_schedule(number_of(file, "lr"), number_of(file, "min_lr"), epochs, steps_per_epoch,
                                   integer_of(file, "warmup_epochs"))),
          weight_decay(lafs::cosine_schedule(number_of(file, "wd"), number_of(file, "wd_end"), epochs,
                                             steps_per_epoch)),
          momentum(lafs::cosine_schedule(number_of(file, "momentum"), 1.0, epochs, steps_per_epoch)),
          temperature(lafs::teacher_temperature(number_of(file, "warmup_teacher_temp"),
                                                number_of(file, "teacher_temp"),
                                                integer_of(file, "warmup_teacher_temp_epochs"))) {}

    void compare_with(const SafetensorsFile& file, Report& report) const {
        const auto check = [&](const std::string& name, const lafs::Schedule& schedule) {
            const auto expected = file.read<double>(name);
            std::vector<double> got;
            for (std::size_t i = 0; i < expected.size(); ++i)
                got.push_back(schedule.at(static_cast<std::int64_t>(i)));
            report.compare(name, got, expected, 1e-9);
        };
        check("lr_schedule", lr);
        check("wd_schedule", weight_decay);
        check("momentum_schedule", momentum);
        check("teacher_temp_schedule", temperature);
    }

    std::int64_t epochs, steps_per_epoch;
    lafs::Schedule lr, weight_decay, momentum, temperature;
};

void compare_logits(Report& report, const SafetensorsFile& file, const std::string& name,
                    const lafs::DinoHead<float>& head, const lafs::Prototypes<float>& network) {
    if (file.contains(name))
        compare(report, file, name, lafs::linear(network.z, head.last_weight()).value(), 5e-5);
}

lafs::AdamWOptions adamw_options(const SafetensorsFile& file) {
    const auto betas = nlohmann::json::parse(file.metadata("adamw_betas"));
    return {betas.at(0).get<double>(), betas.at(1).get<double>(), number_of(file, "adamw_eps")};
}

void clip(const SafetensorsFile& file, const lafs::NamedParameters<float>& parameters) {
    const double largest = number_of(file, "clip");
    if (file.metadata("clip_kind") == "per-parameter")
        lafs::clip_each(parameters, largest);
    else
        lafs::clip_global(parameters, largest);
}

}  // namespace

void check_dino(const std::filesystem::path& path, Report& report) {
    const auto file = SafetensorsFile::open(path);
    const Schedules schedules(file);
    schedules.compare_with(file, report);

    Network student(file), teacher(file);
    student.head.gain.set_requires_grad(false);
    const lafs::EmaTeacher<float> average(student, teacher);
    lafs::DinoLoss<float> loss(integer_of(file, "out_dim"),
                               {.student_temperature = number_of(file, "student_temp"),
                                .centre_momentum = number_of(file, "center_momentum")});
    lafs::AdamW<float> optimizer(lafs::default_groups(student.parameters()), adamw_options(file));

    std::vector<double> losses;
    const std::int64_t local_crops = integer_of(file, "local_crops");
    for (std::int64_t step = 0; step < schedules.epochs * schedules.steps_per_epoch; ++step) {
        const std::int64_t epoch = step / schedules.steps_per_epoch;
        const std::string name = "step" + std::to_string(step) + ".";
        std::vector<Var> global, local;
        for (std::int64_t crop = 0; crop < 2 + local_crops; ++crop)
            (crop < 2 ? global : local).emplace_back(tensor_of(file, name + "crop" + std::to_string(crop)));

        const auto teacher_rows = teacher.forward(global, {}), student_rows = student.forward(global, local);
        compare_logits(report, file, name + "teacher_output", teacher.head, teacher_rows);
        compare_logits(report, file, name + "student_output", student.head, student_rows);
        const auto result = loss.forward(student_rows, teacher_rows, schedules.temperature.at(epoch));
        losses.push_back(result.loss.item());
        compare(report, file, name + "center", loss.centre, 5e-5);

        optimizer.zero_grad();
        result.loss.backward();
        clip(file, optimizer.parameters());
        if (epoch < integer_of(file, "freeze_last_layer_epochs"))
            student.head.last.weight.zero_grad();
        optimizer.step(schedules.lr.at(step), schedules.weight_decay.at(step));
        average.update(schedules.momentum.at(step));
    }
    report.compare("losses", losses, file.read<double>("losses"), 5e-5);

    for (const auto& [prefix, network] :
         {std::pair("final.student.", &student), std::pair("final.teacher.", &teacher)})
        for (const auto& [name, parameter] : network->parameters())
            compare(report, file, prefix + name, parameter.value(),
                    name == "head.last_layer.weight_v" ? 1e-3 : 3e-4);
}

}  // namespace lafs_reference
