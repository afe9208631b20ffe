// A training step in the steady state allocates nothing: neither memory of the pool from the system, nor
// anything by operator new, which this program counts.
#include <atomic>
#include <cstdlib>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/dino_loss.hpp>
#include <lafs/models/dino_head.hpp>
#include <lafs/models/part_fvit.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <new>

#include "catch.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // both are replaced here
#endif

namespace {
std::atomic<std::int64_t> allocations{0};
}

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(bytes);
}
void* operator new(std::size_t bytes) {
    if (void* memory = operator new(bytes, std::nothrow))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using namespace lafs;

VitConfig small_config() {
    VitConfig config = VitConfig::sized(32, 2, 2, 48);
    config.tokens = 36;
    return config;
}

/// Runs `step` until memory has settled, then counts what further steps allocate.
template <class Step>
void check_steady_state(const Step& step) {
    const int threads_before = threads();
    set_threads(1);
    for (int i = 0; i < 4; ++i)
        step();
    const auto pool_before = pool<Cpu>().statistics();
    const std::int64_t before = allocations;
    for (int i = 0; i < 3; ++i)
        step();
    const std::int64_t after = allocations;
    const auto pool_after = pool<Cpu>().statistics();
    set_threads(threads_before);
    CHECK(after - before == 0);
    CHECK(pool_after.system_allocations == pool_before.system_allocations);
    CHECK(pool_after.live_bytes == pool_before.live_bytes);
    CHECK(pool_after.requests > pool_before.requests);  // the pool was at work: the counts above could differ
}

}  // namespace

TEST_CASE("operator new is counted", "[memory]") {
    const std::int64_t before = allocations;
    std::vector<int> values(10);
    const std::int64_t after = allocations;
    CHECK(after - before == 1);
    CHECK(values.size() == 10);
}

TEST_CASE("a step of supervised training allocates nothing", "[memory]") {
    PartFViT<float> model(small_config());
    CosFace<float> head(32, 7);
    auto parameters = model.parameters();
    parameters.emplace_back("loss.weight", head.weight);
    AdamW<float> optimizer(layer_decay_groups(parameters, 2));
    const auto images = uniform_tensor<float>({2, 3, 112, 112}, 1);
    const auto labels = Tensor<std::int64_t>::from({2}, {3, 6});
    check_steady_state([&] {
        optimizer.zero_grad();
        const Variable<float> loss = head.loss(model.forward(Variable<float>(images)), labels);
        loss.backward();
        clip_global(optimizer.parameters(), 1.0);
        optimizer.step(1e-4, 0.1);
    });
}

TEST_CASE("a step of pre-training allocates nothing", "[memory]") {
    struct Network : Module<float> {
        Vit<float> backbone{small_config()};
        DinoHead<float> head{DinoHeadConfig{32, 50, 24, 16}};
        void visit(Visitor<float, Cpu>& visitor) override {
            visitor.child("backbone", backbone);
            visitor.child("head", head);
        }
        Prototypes<float> prototypes(const Variable<float>& tokens) const {
            return {head.bottleneck(backbone.forward_tokens(tokens)), head.last.weight, head.gain.value()};
        }
    } student, teacher;
    const EmaTeacher<float> ema(student, teacher);
    student.head.gain.set_requires_grad(false);
    DinoLoss<float> loss(50);
    AdamW<float> optimizer(default_groups(student.parameters()));
    const auto tokens = uniform_tensor<float>({4, 36, 192}, 2);
    check_steady_state([&] {
        optimizer.zero_grad();
        Prototypes<float> target;
        {
            const NoGrad no_grad;
            target = teacher.prototypes(Variable<float>(tokens));
        }
        const auto outcome = loss.forward(student.prototypes(Variable<float>(tokens)), target, 0.05);
        outcome.loss.backward();
        clip_each(optimizer.parameters(), 3.0);
        optimizer.step(1e-4, 0.04);
        ema.update(0.99);
    });
}
