// A first network: it tells drawn digits apart, in a loop of its own that may be stopped at any time.
//   classifier digits.safetensors 3000     trains up to step 3000, from where the file stands
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <lafs/losses/cross_entropy.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/train/saved_state.hpp>

#include "run_program.hpp"

using lafs::Tensor, lafs::Variable;
constexpr std::int64_t side = 16, pixels = side * side, batch = 64;
constexpr char font[10][16] = {  // five rows of three
    "####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####", "#.##.####..#..#",
    "####..###..####", "####..####.####", "###..#..#..#..#", "####.#####.####", "####.####..####"};

/// Digits of changing size and place, with noise: a function of the stream's number alone.
void draw_digits(std::uint64_t stream, const Tensor<float>& images, const Tensor<std::int64_t>& labels) {
    lafs::RandomSequence random(1, stream);
    for (std::int64_t i = 0; i < labels.size(); ++i) {
        const auto digit = labels.data()[i] = static_cast<std::int64_t>(random.integer(10));
        const double size = random.uniform(2, 2.5), left = random.uniform(2, 6), top = random.uniform(1, 3);
        for (std::int64_t p = 0; p < pixels; ++p) {
            const double x = (p % side - left) / size, y = (p / side - top) / size;
            const bool on = std::min({x, 3 - x, y, 5 - y}) > 0 && font[digit][3 * int(y) + int(x)] == '#';
            images.data()[i * pixels + p] = static_cast<float>(random.normal(on, 0.2));
        }
    }
}

struct Classifier : lafs::Module<float> {
    lafs::Linear<float> hidden{pixels, 128}, output{128, 10};
    void visit(lafs::Visitor<float, lafs::Cpu>& visitor) override {
        visitor.child("hidden", hidden);
        visitor.child("output", output);
    }
    Variable<float> forward(const Variable<float>& x) const {
        return output.forward(relu(hidden.forward(x)));
    }
};

static int train(int argc, char** argv) {
    lafs::require(argc == 3, "classifier", "expected a file for its state and a number of steps");
    lafs::manual_seed(1);
    Classifier model;
    lafs::AdamW<float> optimizer(lafs::default_groups(model.parameters()));
    std::int64_t step = 0, right = 0;
    if (std::filesystem::exists(argv[1])) {
        const auto file = lafs::SafetensorsFile::open(argv[1]);
        step = file.read<std::int64_t>("step").at(0);
        lafs::load_weights(model, file, "model.");
        lafs::load_optimizer(file, optimizer);
    }
    const auto images = Tensor<float>::empty({batch, pixels});
    const auto labels = Tensor<std::int64_t>::empty({batch});
    for (const std::int64_t steps = std::stoll(argv[2]); step < steps; ++step) {
        draw_digits(static_cast<std::uint64_t>(step), images, labels);
        const Variable<float> loss = cross_entropy(model.forward(images), labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step(1e-3, 1e-2);  // learning rate, weight decay
        if ((step + 1) % 200 == 0 || step + 1 == steps) {
            lafs::SafetensorsWriter writer;
            writer.add("step", {}, std::vector<std::int64_t>{step + 1});
            lafs::add_weights(writer, model, "model.");
            lafs::add_optimizer(writer, optimizer);
            writer.save(argv[1]);  // whole or not at all: the program may be killed at any time
            std::printf("step %lld, loss %.4f\n", static_cast<long long>(step + 1), double{loss.item()});
        }
    }
    const lafs::NoGrad nothing_is_recorded;
    for (std::uint64_t test = 0; test < 100; ++test) {
        draw_digits(~test, images, labels);  // digits never trained on
        const Variable<float> scores = model.forward(images);
        const float* row = scores.data();
        for (int i = 0; i < batch; ++i, row += 10)
            right += std::max_element(row, row + 10) - row == labels.data()[i];
    }
    std::printf("accuracy %.4f\n", static_cast<double>(right) / (100 * batch));
    return 0;
}

int main(int argc, char** argv) {
    return run_program([&] { return train(argc, argv); });
}
