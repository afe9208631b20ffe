// One model, many threads: values, and what is written. The build also runs this file under ThreadSanitizer.
#include <atomic>
#include <future>
#include <lafs/autograd/reductions.hpp>
#include <lafs/faces/face_model.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <optional>
#include <thread>

#include "catch.hpp"

using namespace lafs;

namespace {

/// Small, but of every kind of layer.
VitConfig small_config() {
    VitConfig config;
    config.width = 16;
    config.depth = 2;
    config.heads = 2;
    config.head_width = 8;
    config.hidden = 24;
    config.tokens = 16;
    return config;
}

/// Runs in four threads at once.
template <class Function>
void in_threads(const Function& function) {
    std::vector<std::thread> threads;
    for (int k = 0; k < 4; ++k)
        threads.emplace_back([&function, k] { function(k); });
    for (std::thread& each : threads)
        each.join();
}

std::vector<double> state_of(Module<float>& model) {
    std::vector<double> values;
    FunctionVisitor<float, Cpu> visitor;
    visitor.on_buffer = [&](const std::string&, const Tensor<float>& tensor) {
        for (const float each : tensor.span())
            values.push_back(static_cast<double>(each));
    };
    visitor.on_counter = [&](const std::string&, std::int64_t count) {
        values.push_back(static_cast<double>(count));
    };
    model.visit_as(visitor, "");
    return values;
}

}  // namespace

TEST_CASE("embed is right from many threads on one model, in training mode too", "[concurrent]") {
    manual_seed(1);
    PartFViT<float> model(small_config());
    const auto x = uniform_tensor<float>({2, 3, 112, 112}, 1);
    const PartFViT<float>& constant = model;
    const auto right = constant.embed(x).to_vector();
    const auto before = state_of(model);
    for (const bool alone : {true, false}) {  // loops of the thread itself, and of the team that all share
        std::atomic<int> wrong{0};
        in_threads([&](int) {
            std::optional<SerialLoops> serial;
            if (alone)
                serial.emplace();
            for (int i = 0; i < 3; ++i)
                wrong += constant.embed(x).to_vector() != right;
        });
        CHECK(wrong == 0);
    }
    CHECK(state_of(model) == before);
    CHECK(model.training());
}

TEST_CASE("a thread may train one model while others evaluate another", "[concurrent]") {
    manual_seed(2);
    PartFViT<float> evaluated(small_config()), trained(small_config());
    const auto x = uniform_tensor<float>({2, 3, 112, 112}, 2);
    const auto right = evaluated.embed(x).to_vector();
    const auto seen = [&] {
        FunctionVisitor<float, Cpu> visitor;
        std::int64_t batches = -1;
        visitor.on_counter = [&](const std::string&, std::int64_t count) { batches = count; };
        trained.visit_as(visitor, "");
        return batches;
    };
    std::atomic<int> wrong{0};
    in_threads([&](int k) {
        if (k == 0) {
            for (int i = 0; i < 2; ++i)
                sum(Variable<float>(trained.forward(Variable<float>(x)))).backward();
        } else {
            wrong += evaluated.embed(x).to_vector() != right;
        }
    });
    CHECK(wrong == 0);
    CHECK(seen() == 2);
}

TEST_CASE("parts of one graph may be recorded in several threads", "[concurrent]") {
    const Variable<double> w(Tensor<double>::full({3}, 1.0), true);
    const Variable<double> h = std::async(std::launch::async, [&] {
                                   Variable<double> x = w;
                                   for (int i = 0; i < 20; ++i)
                                       x = x * 1.0;
                                   return x;
                               }).get();
    const Variable<double> a = h * 2.0;
    mean(Variable<double>(a + h)).backward();
    CHECK(w.grad().to_vector() == std::vector<double>{1, 1, 1});
}
