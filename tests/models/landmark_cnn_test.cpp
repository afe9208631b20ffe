// The whole landmark CNN on the CPU; its parts run on every device: bottleneck_test.cpp.
#include <algorithm>
#include <lafs/io/weights.hpp>
#include <lafs/models/landmark_cnn.hpp>
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
