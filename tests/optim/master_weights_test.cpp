// Training in 16-bit types: masters and states are float, and follow training in float; on every device.
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/sgd.hpp>
#include <map>
#include <string>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::bfloat16, lafs::Shape;

namespace {

template <class T>
using Groups = std::vector<lafs::ParameterGroup<T, Device>>;

constexpr std::int64_t length = sized(6007, 1201);

/// A tensor of values that T holds exactly, where T has few bits.
template <class T>
DeviceTensor<T> tensor_of(const Shape& shape, std::uint64_t seed) {
    std::vector<T> values;
    for (const float x : lafs::uniform_tensor<float>(shape, seed, -1.0, 1.0).span())
        values.push_back(static_cast<T>(std::round(x * 64) / 64));
    return DeviceTensor<T>::from(shape, values);
}

template <class T, template <class, class> class Kind>
struct Run {
    DeviceVariable<T> weight{tensor_of<T>({3, length}, 1), true}, bias{tensor_of<T>({5}, 2), true};
    Kind<T, Device> optimizer{Groups<T>{{{{"weight", weight}}, 0.5, 1}, {{{"bias", bias}}, 1, 0}}};

    void steps(int count) {
        for (int i = 0; i < count; ++i) {
            weight.set_grad(tensor_of<T>({3, length}, static_cast<std::uint64_t>(10 + i)));
            bias.set_grad(tensor_of<T>({5}, static_cast<std::uint64_t>(20 + i)));
            optimizer.step(0.003, 0.1);
        }
    }
};

/// Checks for the same bits on the CPU. Other compilers choose for each kernel which products they fuse with sums.
void check_same(const std::vector<float>& got, const std::vector<float>& expected) {
    if constexpr (on_cpu)
        CHECK(got == expected);
    else
        check_close(got, std::vector<double>(expected.begin(), expected.end()), 1e-6);
}

/// Masters and states of a run in T against the parameters and states of the same run in float.
template <class T, template <class, class> class Kind>
void check_masters() {
    Run<T, Kind> narrow;
    Run<float, Kind> wide;
    narrow.steps(5);
    wide.steps(5);
    std::map<std::string, std::vector<float>> expected, got;
    for (const auto& [name, tensor] : wide.optimizer.state().tensors)
        expected[name] = tensor.to_vector();
    for (const auto& [name, parameter] : wide.optimizer.parameters())
        expected[name + ".master"] = parameter.value().to_vector();
    for (const auto& [name, tensor] : narrow.optimizer.state().tensors)
        got[name] = tensor.to_vector();
    CHECK(got.size() == expected.size());
    for (const auto& [name, values] : got) {
        INFO(name);
        check_same(values, expected.at(name));
    }
    const std::vector<T> rounded = narrow.weight.value().to_vector();
    const std::vector<float>& master = got.at("weight.master");
    for (std::size_t i = 0; i < rounded.size(); ++i)
        if (rounded[i].bits != static_cast<T>(master[i]).bits)
            FAIL("element " << i << " is not the master, rounded");
}

}  // namespace

TEST_CASE("masters follow a float optimiser on the same gradients", "[optim]") {
    check_masters<bfloat16, lafs::AdamW>();
    check_masters<lafs::half, lafs::AdamW>();
    check_masters<bfloat16, lafs::Sgd>();
    check_masters<bfloat16, lafs::Lars>();
}

TEST_CASE("steps far below half a unit of the last place add up", "[optim]") {
    // (p - 2)^2 / 2 from p = 1: the gradient is about -1, AdamW's step about lr = 1e-4. Next to 1 the numbers
    // of bfloat16 are 2^-7 apart: 1 + 1e-4 is 1 again.
    CHECK(static_cast<float>(bfloat16(1.0f + 1e-4f)) == 1.0f);
    const DeviceVariable<bfloat16> p(DeviceTensor<bfloat16>::full({1, 3}, bfloat16(1.0f)), true);
    lafs::AdamW<bfloat16, Device> optimizer(Groups<bfloat16>{{{{"p", p}}, 1, 1}});
    for (int step = 0; step < 200; ++step) {
        std::vector<bfloat16> gradient;
        for (const bfloat16 value : p.value().to_vector())
            gradient.push_back(bfloat16(static_cast<float>(value) - 2.0f));
        p.set_grad(DeviceTensor<bfloat16>::from({1, 3}, gradient));
        optimizer.step(1e-4, 0.0);
    }
    for (const bfloat16 value : p.value().to_vector())
        CHECK(static_cast<float>(value) == Approx(1.02).margin(0.004));  // to the nearest bfloat16
    CHECK(optimizer.state().tensors[2].first == "p.master");
    CHECK(optimizer.state().tensors[2].second.to_vector()[1] == Approx(1.02).margin(1e-4));
}

TEST_CASE("masters are taken again from parameters that something else changed", "[optim]") {
    const DeviceVariable<bfloat16> p(DeviceTensor<bfloat16>::full({1, 1}, bfloat16(1.0f)), true);
    lafs::Sgd<bfloat16, Device> optimizer(Groups<bfloat16>{{{{"p", p}}, 1, 1}});
    p.value().copy_from(DeviceTensor<bfloat16>::full({1, 1}, bfloat16(4.0f)));
    optimizer.reset_masters();
    p.set_grad(DeviceTensor<bfloat16>::full({1, 1}, bfloat16(1.0f)));
    optimizer.step(0.5, 0.0);
    CHECK(static_cast<float>(p.value().item()) == 3.5f);
}

TEST_CASE("float and double have no masters", "[optim]") {
    const DeviceVariable<double> p(DeviceTensor<double>::zeros({2}), true);
    lafs::Sgd<double, Device> optimizer(Groups<double>{{{{"p", p}}, 1, 1}});
    CHECK(optimizer.state().tensors.size() == 1);
}
