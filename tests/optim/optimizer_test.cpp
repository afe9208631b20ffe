// AdamW, SGD and LARS against steps worked out by hand and against plain loops in double; on every device.
#include <functional>
#include <lafs/core/counter.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/sgd.hpp>
#include <memory>

#include "device_values.hpp"
#include "optim/plain_steps.hpp"

using namespace lafs_test;
using lafs::Cpu, lafs::Error, lafs::kernel_launches, lafs::LarsOptions, lafs::normal_tensor, lafs::pool,
    lafs::set_threads, lafs::SgdOptions, lafs::Shape, lafs::threads;

namespace {

template <class T>
using AdamW = lafs::AdamW<T, Device>;
template <class T>
using Sgd = lafs::Sgd<T, Device>;
template <class T>
using Lars = lafs::Lars<T, Device>;
template <class T>
using Optimizer = lafs::Optimizer<T, Device>;
template <class T>
using Groups = std::vector<lafs::ParameterGroup<T, Device>>;

template <class T>
DeviceVariable<T> leaf(const Shape& shape, std::initializer_list<T> values) {
    return {DeviceTensor<T>::from(shape, values), true};
}

/// A gradient that begins `offset` elements behind the start of its memory: not aligned unless that is 0.
template <class T>
void set_gradient(const DeviceVariable<T>& parameter, const Values& values, std::int64_t offset = 0) {
    std::vector<T> memory(static_cast<std::size_t>(offset));
    memory.insert(memory.end(), values.begin(), values.end());
    const auto size = static_cast<std::int64_t>(memory.size());
    parameter.set_grad(DeviceTensor<T>::from({size}, memory).slice(offset, size).reshape(parameter.shape()));
}

struct WithThreads {
    explicit WithThreads(int count) { set_threads(count); }
    ~WithThreads() { set_threads(before); }
    int before = threads();
};

/// Six steps of both on a parameter of (7, n); the worst difference from the plain form.
template <class T, class Plain>
double worst_difference(const std::function<std::unique_ptr<Optimizer<T>>(Groups<T>)>& make, Plain plain,
                        std::int64_t n) {
    Values expected = normal_tensor({7, n}, 11).to_vector();
    const DeviceVariable<T> parameter(
        DeviceTensor<T>::from({7, n}, std::vector<T>(expected.begin(), expected.end())), true);
    const auto optimizer = make({{{{"weight", parameter}}, 0.5, 2.0}});
    for (std::uint64_t step = 0; step < 6; ++step) {
        const Values gradient = normal_tensor({7, n}, 100 + step).to_vector();
        set_gradient(parameter, gradient, static_cast<std::int64_t>(step % 2));
        optimizer->step(0.02 + 0.01 * static_cast<double>(step), 0.05);
        plain.step(expected, gradient, 0.5 * (0.02 + 0.01 * static_cast<double>(step)), 0.1);
    }
    const std::vector<T> got = parameter.value().to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
    return worst;
}

template <class Kind, class T>
std::unique_ptr<Optimizer<T>> make(Groups<T> groups) {
    return std::make_unique<Kind>(groups);
}

}  // namespace

TEST_CASE("AdamW by hand", "[optim]") {
    // At the first step m / (1 - b1) is g and v / (1 - b2) is g^2: a step of lr against the sign of g.
    const auto p = leaf<double>({2, 1}, {1.0, -2.0});
    AdamW<double> optimizer(Groups<double>{{{{"p", p}}, 1, 1}});
    set_gradient(p, {0.5, -4.0});
    optimizer.step(0.1, 0.2);
    CHECK(p.value().to_vector()[0] == Approx(1.0 * 0.98 - 0.1).epsilon(1e-7));
    CHECK(p.value().to_vector()[1] == Approx(-2.0 * 0.98 + 0.1).epsilon(1e-7));
    // Then with g = 0: m = 0.045, m_hat = 0.045 / 0.19; v = 0.00024975, v_hat = 0.00024975 / 0.001999.
    set_gradient(p, {0.0, 0.0});
    optimizer.step(0.1, 0.0);
    CHECK(p.value().to_vector()[0] ==
          Approx(0.88 - 0.1 * (0.045 / 0.19) / std::sqrt(0.00024975 / 0.001999)).epsilon(1e-7));
}

TEST_CASE("SGD by hand", "[optim]") {
    const bool nesterov = GENERATE(false, true);
    const auto p = leaf<double>({1, 1}, {1.0});
    Sgd<double> optimizer(Groups<double>{{{{"p", p}}, 1, 1}}, SgdOptions{0.5, nesterov});
    set_gradient(p, {2.0});
    optimizer.step(0.1, 0.5);  // d = 2.5, u = 2.5
    CHECK(p.value().item() == Approx(nesterov ? 1 - 0.1 * 3.75 : 1 - 0.1 * 2.5));
    const double before = p.value().item();
    set_gradient(p, {-1.0});
    optimizer.step(0.1, 0.0);  // d = -1, u = 0.25
    CHECK(p.value().item() == Approx(before - 0.1 * (nesterov ? -0.875 : 0.25)));
}

TEST_CASE("LARS by hand", "[optim]") {
    const auto p = leaf<double>({1, 2}, {3.0, 4.0}), bias = leaf<double>({2}, {3.0, 4.0}),
               zero = leaf<double>({1, 2}, {0.0, 0.0});
    Lars<double> optimizer(Groups<double>{{{{"p", p}, {"bias", bias}, {"zero", zero}}, 1, 1}},
                           LarsOptions{0.9, 0.1});
    const Values gradient{0.0, 2.0};
    set_gradient(p, gradient);
    set_gradient(bias, gradient);
    set_gradient(zero, gradient);
    optimizer.step(1.0, 0.5);  // d = (1.5, 4), |p| = 5, |d|^2 = 18.25
    const double q = 0.1 * 5 / std::sqrt(18.25);
    CHECK(p.value().to_vector()[0] == Approx(3 - 1.5 * q));
    CHECK(p.value().to_vector()[1] == Approx(4 - 4 * q));
    CHECK(bias.value().to_vector()[0] == 3.0);  // neither decay nor adaptation
    CHECK(bias.value().to_vector()[1] == 2.0);
    CHECK(zero.value().to_vector()[1] == -2.0);  // no norm to adapt to
}

TEST_CASE("steps agree with plain loops in double", "[optim]") {
    const std::int64_t n = GENERATE(1, 7, 197, sized(20011, 2003));
    CHECK(worst_difference<double>(make<AdamW<double>, double>, PlainAdamW{}, n) < 1e-13);
    CHECK(worst_difference<float>(make<AdamW<float>, float>, PlainAdamW{}, n) < 2e-6);
    CHECK(worst_difference<double>(make<Sgd<double>, double>, PlainSgd{false, {}}, n) < 1e-13);
    CHECK(worst_difference<float>(make<Sgd<float>, float>, PlainSgd{false, {}}, n) < 2e-6);
    CHECK(worst_difference<double>(
              [](Groups<double> groups) -> std::unique_ptr<Optimizer<double>> {
                  return std::make_unique<Sgd<double>>(groups, SgdOptions{0.9, true});
              },
              PlainSgd{true, {}}, n) < 1e-13);
    CHECK(worst_difference<double>(make<Lars<double>, double>, PlainLars{}, n) < 1e-13);
    CHECK(worst_difference<float>(make<Lars<float>, float>, PlainLars{}, n) < 2e-6);
}

TEST_CASE("a parameter without a gradient, its state and its count stay untouched", "[optim]") {
    const auto frozen = leaf<double>({1, 1}, {1.0}), trained = leaf<double>({1, 1}, {1.0});
    AdamW<double> optimizer(Groups<double>{{{{"frozen", frozen}, {"trained", trained}}, 1, 1}});
    const Values gradient{3.0};
    set_gradient(trained, gradient);
    optimizer.step(0.1, 0.5);
    CHECK(frozen.value().item() == 1.0);
    CHECK(*optimizer.state().counters[0].second == 0);
    CHECK(*optimizer.state().counters[1].second == 1);
    optimizer.zero_grad();
    CHECK_FALSE(trained.grad().defined());
    const double before = trained.value().item();
    set_gradient(frozen, gradient);  // thawed: its bias correction begins at its own first step
    optimizer.step(0.1, 0.0);
    CHECK(trained.value().item() == before);
    CHECK(frozen.value().item() == Approx(0.9).epsilon(1e-7));
}

TEMPLATE_TEST_CASE("a step is bit-equal for any threads and after a restored state", "[optim]", AdamW<float>,
                   Sgd<float>, Lars<float>) {
    static constexpr std::int64_t length = sized(40009, 4001);
    struct Run {
        DeviceVariable<float> weight{uniform<float>({3, length}, 1), true},
            bias{uniform<float>({5}, 2), true};
        TestType optimizer{Groups<float>{{{{"weight", weight}}, 1, 1}, {{{"bias", bias}}, 1, 0}}};
        void steps(int begin, int end) {
            for (int i = begin; i < end; ++i) {
                const auto seed = static_cast<std::uint64_t>(10 + i);
                weight.set_grad(uniform<float>({3, length}, seed));
                bias.set_grad(uniform<float>({5}, seed));
                optimizer.step(0.01, 0.1);
            }
        }
    };
    const auto same_bits = [](const Run& a, const Run& b) {
        return a.weight.value().to_vector() == b.weight.value().to_vector() &&
               a.bias.value().to_vector() == b.bias.value().to_vector();
    };
    Run one, two, resumed;
    {
        const WithThreads team(1);
        one.steps(0, 4);
    }
    const WithThreads team(2);
    two.steps(0, 2);
    const auto from = two.optimizer.state(), to = resumed.optimizer.state();
    REQUIRE(from.tensors.size() == to.tensors.size());
    for (std::size_t i = 0; i < from.tensors.size(); ++i) {
        CHECK(from.tensors[i].first == to.tensors[i].first);
        to.tensors[i].second.copy_from(from.tensors[i].second);
    }
    for (std::size_t i = 0; i < from.counters.size(); ++i)
        *to.counters[i].second = *from.counters[i].second;
    resumed.weight.value().copy_from(two.weight.value());
    resumed.bias.value().copy_from(two.bias.value());
    two.steps(2, 4);
    resumed.steps(2, 4);
    CHECK(same_bits(one, two));
    CHECK(same_bits(one, resumed));
}

TEST_CASE("the state is named after the parameters", "[optim]") {
    const auto p = leaf<float>({2, 1}, {1.0f, 2.0f});
    const Groups<float> groups{{{{"head.weight", p}}, 1, 1}};
    AdamW<float> adamw(groups);
    const auto state = adamw.state();
    REQUIRE(state.tensors.size() == 2);
    CHECK(state.tensors[0].first == "head.weight.exp_avg");
    CHECK(state.tensors[1].first == "head.weight.exp_avg_sq");
    CHECK(state.tensors[1].second.shape() == p.shape());
    CHECK(state.counters[0].first == "head.weight.step");
    CHECK(Sgd<float>(groups).state().tensors[0].first == "head.weight.momentum_buffer");
    CHECK(Lars<float>(groups).state().tensors[0].first == "head.weight.mu");
}

TEST_CASE("a step is one pass over all parameters and allocates nothing", "[optim]") {
    lafs::NamedParameters<float, Device> parameters;
    for (const std::int64_t n : {1, 16385, 1000, 7}) {
        parameters.emplace_back(std::to_string(n),
                                DeviceVariable<float>(DeviceTensor<float>::full({2, n}, 1.0f), true));
        parameters.back().second.set_grad(DeviceTensor<float>::full({2, n}, 0.5f));
    }
    AdamW<float> adamw(Groups<float>{{parameters, 1, 1}});
    Lars<float> lars(Groups<float>{{parameters, 1, 1}});
    const auto launches = kernel_launches().load();
    adamw.step(0.1, 0.1);
    CHECK(kernel_launches() - launches == 1);
    lars.step(0.1, 0.1);
    // The norms are a pass of their own; on a GPU the sums of its blocks are added in another.
    CHECK(kernel_launches() - launches == (on_cpu ? 3 : 4));
    const auto allocations = [] {
        return pool<Cpu>().statistics().system_allocations + pool<Device>().statistics().system_allocations;
    };
    const auto before = allocations();
    adamw.step(0.1, 0.1);
    lars.step(0.1, 0.1);
    CHECK(allocations() == before);
}

TEMPLATE_TEST_CASE("a guard that is not finite stops the step", "[optim]", AdamW<float>, Sgd<float>,
                   Lars<float>) {
    const double number = GENERATE(2.0, std::nan(""), HUGE_VAL);
    const auto p = leaf<float>({1, 2}, {1.0f, 2.0f});
    TestType optimizer(Groups<float>{{{{"p", p}}, 1, 1}});
    p.set_grad(DeviceTensor<float>::from({1, 2}, {3.0f, std::nanf("")}));
    optimizer.step(0.1, 0.1, DeviceTensor<double>::full({}, number));
    const bool updates = number == 2.0;
    CHECK((p.value().to_vector()[0] != 1.0f) == updates);
    CHECK((p.value().to_vector()[1] != 2.0f) == updates);
    CHECK((optimizer.state().tensors[0].second.to_vector()[0] != 0.0f) == updates);
    CHECK_THROWS_AS(optimizer.step(0.1, 0.1, DeviceTensor<double>::zeros({2})), Error);
}

TEST_CASE("optimisers refuse nonsense", "[optim]") {
    const auto p = leaf<float>({1, 1}, {1.0f});
    const Groups<float> groups{{{{"p", p}}, 1, 1}};
    CHECK_THROWS_AS(AdamW<float>(groups, {1.0, 0.999, 1e-8}), Error);
    CHECK_THROWS_AS(AdamW<float>(groups, {0.9, -0.1, 1e-8}), Error);
    CHECK_THROWS_AS(AdamW<float>(groups, {0.9, 0.999, 0.0}), Error);
    CHECK_THROWS_AS(Sgd<float>(groups, {1.0, false}), Error);
    CHECK_THROWS_AS(Lars<float>(groups, {0.9, 0.0}), Error);
    CHECK_THROWS_AS(AdamW<float>(Groups<float>{groups[0], groups[0]}), Error);
    CHECK_THROWS_AS(AdamW<float>(Groups<float>{{{{"p", p}}, -1, 1}}), Error);
    CHECK_THROWS_AS(AdamW<float>(Groups<float>{}), Error);
    CHECK_THROWS_AS(AdamW<float>(Groups<float>{{{}, 1, 1}}), Error);
    AdamW<float> optimizer(groups);
    CHECK_THROWS_AS(optimizer.step(std::nan(""), 0.0), Error);
    CHECK_THROWS_AS(optimizer.step(0.1, -1.0), Error);
    p.set_grad(DeviceTensor<float>::zeros({2}));
    CHECK_THROWS_AS(optimizer.step(0.1, 0.0), Error);
}
