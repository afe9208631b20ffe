// IResNet and MobileFaceNet against PyTorch: outputs of parts, embeddings, running statistics and the gradient of every
// parameter, in evaluation and in training; on every device. The numbers and their origin: convolutional_reference.py.
#include <lafs/models/iresnet.hpp>
#include <lafs/models/mobilefacenet.hpp>
#include <lafs/nn/deep_copy.hpp>
#include <lafs/nn/hooks.hpp>
#include <list>

#include "convolutional_values.hpp"
#include "device_values.hpp"

namespace {

using namespace lafs_test;

/// The function of the same name in convolutional_reference.py.
lafs::Tensor<double> noise(const lafs::Shape& shape, std::uint32_t stream) {
    const auto values = lafs::Tensor<double>::empty(shape);
    for (std::int64_t i = 0; i < values.size(); ++i) {
        auto x = static_cast<std::uint32_t>(i) * 2654435761u + stream * 40503u + 1u;
        for (int k = 0; k < 2; ++k)
            x = (x ^ x >> 16) * 0x45D9F3Bu;
        values.data()[i] = static_cast<double>(x ^ x >> 16) / 2147483648.0 - 1;
    }
    return values;
}

double number(const DeviceTensor<double>& x, std::uint32_t stream = 0) {
    const auto values = host(x), factors = noise(x.shape(), 500 + stream);
    double sum = 0;
    for (std::int64_t i = 0; i < values.size(); ++i)
        sum += values.data()[i] * factors.data()[i];
    return sum;
}

/// Calls body(name, tensor, variable or null) for all parameters and buffers, in the order of their names in files.
template <class Body>
void each_tensor(lafs::Module<double, Device>& network, const Body& body) {
    lafs::FunctionVisitor<double, Device> visitor;
    visitor.on_parameter = [&](const std::string& name, Var& variable) {
        body(name, variable.value(), &variable);
    };
    visitor.on_buffer = [&](const std::string& name, DeviceTensor<double>& tensor) {
        body(name, tensor, nullptr);
    };
    network.visit_as(visitor, "");
}

void fill(lafs::Module<double, Device>& network) {
    std::uint32_t stream = 0;
    each_tensor(network, [&](const std::string& name, const DeviceTensor<double>& tensor, Var*) {
        lafs::Tensor<double> value = noise(tensor.shape(), stream++);
        const lafs::Shape& shape = tensor.shape();
        if (name.ends_with("running_var"))
            value = 1 + 0.5 * value;
        else if (shape.rank() == 1)
            value = name.ends_with("weight") ? lafs::Tensor<double>(0.5 + 0.25 * value)
                                             : lafs::Tensor<double>(0.2 * value);
        else
            value *= std::sqrt(3.0 / static_cast<double>(shape.size_between(1, shape.rank())));
        tensor.copy_from(on_device(value));
    });
}

void check_values(const DeviceTensor<double>& found, const std::vector<double>& expected) {
    const auto values = found.to_vector();
    REQUIRE(values.size() == expected.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        CHECK(values[i] == Approx(expected[i]).epsilon(1e-9).margin(1e-11));
}

template <class Network>
void check_network(Network& network, const lafs::Shape& image_shape, const ConvolutionalValues& expected) {
    fill(network);
    const Var images(on_device(noise(image_shape, 999)));
    {
        std::list<lafs::OutputHook<double, Device>> hooks;
        std::vector<double> seen;
        for (const auto& [name, value] : expected.watched)
            hooks.push_back(
                lafs::on_output(network, name, [&](const Var& y) { seen.push_back(number(y.value())); }));
        network.eval();
        check_values(network.embed(images.value()), expected.evaluated);
        REQUIRE(seen.size() == expected.watched.size());
        for (std::size_t i = 0; i < seen.size(); ++i) {
            INFO(expected.watched[i].first);
            CHECK(seen[i] == Approx(expected.watched[i].second).epsilon(1e-9));
        }
    }
    network.train();
    const Var embeddings = network.forward(images);
    check_values(embeddings.value(), expected.trained);
    embeddings.backward(on_device(noise(embeddings.shape(), 900)));
    std::uint32_t stream = 0;
    each_tensor(network, [&](const std::string& name, const DeviceTensor<double>& tensor, Var* parameter) {
        REQUIRE(stream < expected.tensors.size());
        const auto& [expected_name, value] = expected.tensors[stream];
        CHECK(name == expected_name);
        INFO(name);
        const bool trained = parameter && parameter->requires_grad();
        REQUIRE(!(trained && !parameter->grad().defined()));
        CHECK(number(trained ? parameter->grad() : tensor, stream) ==
              Approx(value).epsilon(1e-8).margin(1e-9));
        ++stream;
    });
    CHECK(stream == expected.tensors.size());
}

}  // namespace

TEST_CASE("IResNet computes what PyTorch does", "[models]") {
    lafs::IResNet<double, Device> network({{1, 2, 1, 1}, 4, 5, 32});
    check_network(network, {3, 3, 32, 32}, small_iresnet);
    CHECK(!network.features.weight.requires_grad());

    const auto images = on_device(noise({2, 3, 32, 32}, 1));
    auto copy = lafs::deep_copy(network);
    CHECK(copy.embed(images).to_vector() == network.embed(images).to_vector());
    CHECK(!copy.features.weight.requires_grad());
    CHECK_THROWS_AS(network.forward(Var(DeviceTensor<double>::zeros({1, 3, 16, 16}))), lafs::Error);
}

TEST_CASE("MobileFaceNet computes what PyTorch does", "[models]") {
    lafs::MobileFaceNet<double, Device> network({{1, 1, 2, 1}, 2, 2, 5, 32});
    check_network(network, {3, 3, 32, 32}, small_mobilefacenet);
    lafs::MobileFaceNet<double, Device> large({{2, 1, 1, 1}, 3, 1, 4, 16});
    check_network(large, {4, 3, 16, 16}, small_large_mobilefacenet);
}

TEST_CASE("dropout stands in front of IResNet's linear layer", "[models]") {
    lafs::manual_seed(1);
    lafs::IResNetConfig config{{1, 1, 1, 1}, 2, 3, 16};
    config.dropout = 0.5;
    lafs::IResNet<double, Device> network(config);
    const Var images(on_device(noise({4, 3, 16, 16}, 1)));
    CHECK(network.forward(images).value().to_vector() != network.forward(images).value().to_vector());
    CHECK(network.embed(images.value()).to_vector() == network.embed(images.value()).to_vector());
}

TEST_CASE("sizes of convolutional networks are checked", "[models]") {
    const auto iresnet = [](auto change) {
        lafs::IResNetConfig config;
        change(config);
        config.validate();
    };
    CHECK_NOTHROW(iresnet([](auto&) {}));
    CHECK_THROWS_AS(iresnet([](auto& c) { c.blocks[2] = 0; }), lafs::Error);
    CHECK_THROWS_AS(iresnet([](auto& c) { c.width = 0; }), lafs::Error);
    CHECK_THROWS_AS(iresnet([](auto& c) { c.image_size = 100; }), lafs::Error);
    CHECK_THROWS_AS(iresnet([](auto& c) { c.dropout = 1; }), lafs::Error);
    const auto mobilefacenet = [](auto change) {
        lafs::MobileFaceNetConfig config;
        change(config);
        config.validate();
    };
    CHECK_NOTHROW(mobilefacenet([](auto&) {}));
    CHECK_THROWS_AS(mobilefacenet([](auto& c) { c.scale = 0; }), lafs::Error);
    CHECK_THROWS_AS(mobilefacenet([](auto& c) { c.features = 0; }), lafs::Error);
    CHECK_THROWS_AS(mobilefacenet([](auto& c) { c.image_size = 8; }), lafs::Error);
}
