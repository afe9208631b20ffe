#include <algorithm>
#include <lafs/io/weights.hpp>
#include <lafs/models/landmark_cnn.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"
#include "shared_data.hpp"

namespace {

using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;

TEST_CASE("the landmark CNN has the published size and names", "[models]") {
    lafs::LandmarkCnn<float> cnn;
    CHECK(cnn.stn.parameter_count() == 2'809'816);  // 2.81 M
    CHECK(cnn.stn.forward(Variable<float>(Tensor<float>::zeros({2, 3, 112, 112}))).shape() ==
          Shape{2, 160, 4, 4});

    std::int64_t counters = 0;
    lafs::FunctionVisitor<float, lafs::Cpu> visitor;
    visitor.on_counter = [&](const std::string& name, std::int64_t& value) {
        CHECK(name.ends_with(".num_batches_tracked"));
        counters += value;
    };
    cnn.visit_as(visitor, "");
    CHECK(counters == 46);  // one batch through 1 + 3 * 15 batch norms

    const auto path = lafs_test::shared("reference/02_landmark_cnn.safetensors");
    if (!path)
        return;
    const auto match = lafs::load_weights(cnn, lafs::SafetensorsFile::open(*path), "weights.");
    CHECK(match.left_over.empty());
    CHECK(match.loaded.size() == 248);
}

TEST_CASE("landmarks span the image, x before y", "[models]") {
    const auto theta = Tensor<float>::from({2, 6}, {1, 2, 3, 4, 5, 11, 0, -1, 0, 1, 0.5, 0});
    const auto points = lafs::landmarks_from_theta(Variable<float>(theta), 111.0);
    REQUIRE(points.shape() == Shape{2, 3, 2});
    const std::vector<float> expected = {0,     11.1f, 22.2f, 33.3f, 44.4f,  111,
                                         55.5f, 0,     55.5f, 111,   83.25f, 55.5f};
    for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(points.value().span()[i] == Approx(expected[i]).margin(1e-4));
    CHECK_THROWS_AS(lafs::landmarks_from_theta(Variable<float>(Tensor<float>::zeros({2, 5})), 111.0),
                    lafs::Error);
}

TEST_CASE("the landmark CNN takes other numbers of landmarks and other sizes", "[models]") {
    lafs::manual_seed(5);
    lafs::LandmarkCnn<float> cnn({.landmarks = 9, .image_size = 64, .dropout = 0.5});
    cnn.eval();
    const Variable<float> image(lafs::normal_tensor<float>({3, 3, 64, 64}, 1));
    const auto points = cnn.landmarks(image);
    REQUIRE(points.shape() == Shape{3, 9, 2});
    for (std::int64_t i = 0; i < 3; ++i) {
        const auto one = points.value().slice(i, i + 1);
        const auto [low, high] = std::minmax_element(one.span().begin(), one.span().end());
        CHECK(*low == 0.0f);
        CHECK(*high == Approx(63.0f));
    }
    // Evaluation is a function of the image alone, also of each one alone.
    const auto alone = cnn.landmarks(Variable<float>(image.value().slice(1, 2)));
    for (std::int64_t i = 0; i < 18; ++i)
        CHECK(alone.value().data()[i] == Approx(points.value().data()[18 + i]).margin(1e-2));
    CHECK(cnn.landmarks(image).value().to_vector() == points.value().to_vector());
    cnn.train();
    CHECK(cnn.landmarks(image).value().to_vector() != cnn.landmarks(image).value().to_vector());
    CHECK_THROWS_AS(cnn.landmarks(Variable<float>(Tensor<float>::zeros({1, 1, 64, 64}))), lafs::Error);
}

TEST_CASE("a bottleneck has the gradients of its forward pass", "[models]") {
    const lafs::BottleneckConfig configs[] = {{3, 8, 3, 3, 1, true, true},    // gate and residual
                                              {3, 5, 4, 5, 2, false, false},  // strided
                                              {4, 8, 4, 3, 1, false, true}};
    for (const auto& config : configs)
        for (const bool training : {true, false}) {
            lafs::manual_seed(2);
            lafs::Bottleneck<double> block(config);
            block.train(training);
            std::vector<Variable<double>> inputs{
                Variable<double>(lafs::normal_tensor({2, config.in, 7, 6}, 1), true)};
            std::uint64_t seed = 10;
            for (auto& [name, parameter] : block.parameters()) {
                parameter.value().copy_from(lafs::normal_tensor(parameter.shape(), ++seed));
                inputs.push_back(parameter);
            }
            const auto result =
                lafs::check_gradients([&](const auto& in) { return block.forward(in[0]); }, inputs);
            INFO((training ? "training: " : "evaluation: ") << result);
            CHECK(result.ok());
        }
}

TEST_CASE("a training step of the landmark CNN is the same for one and two threads", "[models]") {
    std::vector<float> found[2];
    for (int threads = 1; threads <= 2; ++threads) {
        lafs::set_threads(threads);
        lafs::manual_seed(3);
        lafs::LandmarkCnn<float> cnn({.landmarks = 20, .image_size = 48});
        const auto points = cnn.landmarks(Variable<float>(lafs::normal_tensor<float>({4, 3, 48, 48}, 1)));
        points.backward(lafs::normal_tensor<float>(points.shape(), 2));
        for (const auto& [name, parameter] : cnn.parameters())
            for (const float g : parameter.grad().span())
                found[threads - 1].push_back(g);
    }
    CHECK(found[0] == found[1]);
}

}  // namespace
