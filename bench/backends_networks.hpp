// Attention, patches, the DINO loss and the optimiser, over the device as bench/backends.hpp; and all work.
#pragma once

#include "backends.hpp"

namespace lafs_bench {

/// Attention with 197 tokens, as of whole faces, and with 37, as of local views; heads are 64 wide.
template <class T, class D>
void add_attention(const Sizes& s) {
    using State = benchmark::State;
    for (const std::int64_t tokens : {197, 37}) {
        const lafs::AttentionSizes sizes{s.attention_faces * (tokens == 37 ? 4 : 1), tokens, s.heads, 64};
        const std::int64_t rows = sizes.batch * tokens, row = sizes.row();
        const double product = 2.0 * static_cast<double>(rows * tokens * row);
        const auto attention = [=](State& state, bool gradients) {
            using C = lafs::compute_t<T>;
            const auto qkv = ramp<T, D>({rows, 3 * row}), g = ramp<T, D>({rows, row}),
                       y = Tensor<T, D>::empty({rows, row}), dqkv = Tensor<T, D>::empty({rows, 3 * row});
            const auto log_sum = Tensor<C, D>::empty({sizes.batch, sizes.heads, tokens});
            const auto forwards = [&] {
                attention_forward(D{}, sizes, static_cast<const T*>(qkv.data()), C(0.125), y.data(),
                                  log_sum.data());
            };
            const auto backwards = [&] {
                attention_backward(D{}, sizes, static_cast<const T*>(qkv.data()), C(0.125),
                                   static_cast<const T*>(y.data()), static_cast<const T*>(g.data()),
                                   static_cast<const C*>(log_sum.data()),
                                   GradientTarget<T>{dqkv.data(), false});
            };
            forwards();
            if (gradients)  // the scores again, and four products more
                measure<T, D>(state, {moves<T>(8 * rows * row).bytes, 5 * product}, backwards);
            else
                measure<T, D>(state, {moves<T>(4 * rows * row).bytes, 2 * product}, forwards);
        };
        const std::string name = std::string(tokens == 37 ? "/37/" : "/197/") + type_name<T>();
        add<D>("attention_forward" + name, [=](State& state) { attention(state, false); });
        add<D>("attention_backward" + name, [=](State& state) { attention(state, true); });
    }
}

/// Patches of 8 x 8 around 196 landmarks; landmarks are float whatever the images are.
template <class T, class D>
void add_patches(const Sizes& s) {
    using State = benchmark::State;
    const lafs::PatchSizes sizes{s.faces, 3, 112, 112, 196, 8};
    const std::int64_t moved = s.faces * (3 * 112 * 112 + 196 * 192);
    const auto points = [=] {
        return lafs::uniform_tensor<lafs::compute_t<T>, D>({sizes.batch, sizes.landmarks, 2}, 2, 0, 111);
    };
    const std::string type = std::string("/") + type_name<T>();
    add<D>("patches_forward" + type, [=](State& state) {
        const auto images = ramp<T, D>({sizes.batch, 3, 112, 112}),
                   tokens = Tensor<T, D>::empty({sizes.batch, sizes.landmarks, sizes.token()});
        const auto at = points();
        measure<T, D>(state, moves<T>(moved),
                      [&] { landmark_patches_forward(D{}, sizes, images.data(), at.data(), tokens.data()); });
    });
    add<D>("patches_to_landmarks" + type, [=](State& state) {
        const auto images = ramp<T, D>({sizes.batch, 3, 112, 112}),
                   g = ramp<T, D>({sizes.batch, sizes.landmarks, sizes.token()});
        const auto at = points(), to = points();
        measure<T, D>(state, moves<T>(moved), [&] {
            landmark_patches_backward_landmarks(D{}, sizes, images.data(), at.data(), g.data(),
                                                GradientTarget<lafs::compute_t<T>>{to.data(), false});
        });
    });
    add<D>("patches_to_images" + type, [=](State& state) {
        const auto to = Tensor<T, D>::empty({sizes.batch, 3, 112, 112}),
                   g = ramp<T, D>({sizes.batch, sizes.landmarks, sizes.token()});
        const auto at = points();
        measure<T, D>(state, moves<T>(moved), [&] {
            landmark_patches_backward_images(D{}, sizes, at.data(), g.data(),
                                             GradientTarget<T>{to.data(), false});
        });
    });
}

/// The DINO loss of ten views with its backward pass. The products: logits of student and teacher, the
/// student's and the teacher's again for the gradient, and two for the student's rows and directions.
template <class D>
void add_dino_loss(const Sizes& s) {
    add<D>("dino_loss_and_gradients/float", [=](benchmark::State& state) {
        const std::int64_t students = 10 * s.dino_faces, teachers = 2 * s.dino_faces;
        lafs::DinoLoss<float, D> loss(s.prototypes);
        const auto z = [&](std::int64_t rows) { return ramp<float, D>({rows, s.bottleneck}); };
        const auto gains = Tensor<float, D>::full({s.prototypes, 1}, 1.0f);
        const lafs::Prototypes<float, D> student{Variable<float, D>(z(students), true),
                                                 Variable<float, D>(z(s.prototypes), true), gains},
            teacher{Variable<float, D>(z(teachers)), Variable<float, D>(z(s.prototypes)), gains};
        const auto rows = static_cast<double>(2 * (students + teachers) + 2 * students);
        const double operations = 2.0 * rows * static_cast<double>(s.prototypes * s.bottleneck);
        measure<float, D>(state, {0, operations}, [&] {
            student.z.zero_grad();
            student.directions.zero_grad();
            loss.forward(student, teacher, 0.04).loss.backward();
        });
    });
}

/// One pass of AdamW over float parameters: parameter, gradient and two moments read, all but the gradient
/// written.
template <class D>
void add_optimizer(const Sizes& s) {
    add<D>("adamw_step/float", [=](benchmark::State& state) {
        using Step = lafs::StepOf<lafs::AdamWUpdate<float>, float>;
        const auto p = ramp<float, D>({s.elements}), g = ramp<float, D>({s.elements}),
                   m = Tensor<float, D>::zeros({s.elements}), v = Tensor<float, D>::zeros({s.elements});
        Step step;
        step.update = {1e-4, 0.1, 0.9, 0.999, 1e-8, 1};
        step.size = s.elements;
        step.parameter = p.data();
        step.gradient = g.data();
        step.states[0] = m.data();
        step.states[1] = v.data();
        measure<float, D>(state, moves<float>(7 * s.elements),
                          [&] { optimizer_step(D{}, std::span<const Step>(&step, 1)); });
    });
}

/// Adds all work for a device; true.
template <class D>
bool add_all_work(const Sizes& sizes = {}) {
    const auto of_type = [&]<class T>(T) {
        add_element_wise<T, D>(sizes);
        add_rows<T, D>(sizes);
        add_attention<T, D>(sizes);
        add_patches<T, D>(sizes);
        add_products<T, D>(sizes, type_name<T>());
    };
    of_type(float{});
    add_optimizer<D>(sizes);
    add_dino_loss<D>(sizes);
    of_type(lafs::bfloat16{});
    return true;
}

}  // namespace lafs_bench
