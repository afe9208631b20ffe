// The DINO loss against the definition with all logits in memory, gradients by differences; on every device.
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/losses/dino_loss.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;
using Network = Prototypes<double, Device>;

namespace {

constexpr double student_temperature = 0.1, teacher_temperature = 0.05;

/// z . v g / |v|, all of them.
std::vector<double> plain_logits(const Network& network) {
    const auto z = host(network.z), directions = host(network.directions);
    const auto gains = network.gains.defined() ? host(network.gains) : Tensor<double>();
    const std::int64_t rows = network.z.shape(0), width = network.z.shape(1), k = network.directions.shape(0);
    std::vector<double> logits;
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < k; ++j) {
            double inner = 0, squares = 0;
            for (std::int64_t i = 0; i < width; ++i) {
                const double v = directions.data()[j * width + i];
                inner += z.data()[r * width + i] * v;
                squares += v * v;
            }
            const double gain = gains.defined() ? gains.data()[j] : 1.0;
            logits.push_back(inner * gain / std::sqrt(squares));
        }
    return logits;
}

std::vector<double> log_softmax_row(std::vector<double> x) {
    const double largest = *std::max_element(x.begin(), x.end());
    double total = 0;
    for (const double v : x)
        total += std::exp(v - largest);
    for (double& v : x)
        v -= largest + std::log(total);
    return x;
}

struct Plain {
    double loss = 0, entropy = 0;
    std::vector<double> centre;
};

Plain plain(const Network& student, const Network& teacher, const DeviceTensor<double>& device_centre) {
    const auto centre = host(device_centre);
    const std::int64_t batch = teacher.z.shape(0) / 2, views = student.z.shape(0) / batch, k = centre.size();
    const auto s = plain_logits(student), t = plain_logits(teacher);
    Plain result;
    result.centre.resize(static_cast<std::size_t>(k));
    for (std::int64_t j = 0; j < k; ++j) {
        double mean = 0;
        for (std::int64_t r = 0; r < 2 * batch; ++r)
            mean += t[static_cast<std::size_t>(r * k + j)] / static_cast<double>(2 * batch);
        result.centre[static_cast<std::size_t>(j)] = 0.9 * centre.data()[j] + 0.1 * mean;
    }
    for (std::int64_t i = 0; i < batch; ++i)
        for (std::int64_t q = 0; q < 2; ++q) {
            std::vector<double> x;
            for (std::int64_t j = 0; j < k; ++j)
                x.push_back((t[static_cast<std::size_t>((q * batch + i) * k + j)] - centre.data()[j]) /
                            teacher_temperature);
            const auto log_p = log_softmax_row(x);
            for (const double l : log_p)
                result.entropy -= std::exp(l) * l / static_cast<double>(2 * batch);
            for (std::int64_t v = 0; v < views; ++v) {
                if (v == q)
                    continue;
                std::vector<double> y;
                for (std::int64_t j = 0; j < k; ++j)
                    y.push_back(s[static_cast<std::size_t>((v * batch + i) * k + j)] / student_temperature);
                const auto log_s = log_softmax_row(y);
                for (std::size_t j = 0; j < y.size(); ++j)
                    result.loss -=
                        std::exp(log_p[j]) * log_s[j] / static_cast<double>(batch * (2 * views - 2));
            }
        }
    return result;
}

struct Case {
    std::int64_t batch, views, prototypes, width;
};

Network network(const Case& c, std::int64_t views, std::uint64_t seed, bool trained) {
    return {Var(l2_normalize(Var(normal({views * c.batch, c.width}, seed))).value(), trained),
            Var(normal({c.prototypes, c.width}, seed + 1), trained),
            {}};
}

}  // namespace

TEST_CASE("the loss, its by-products and gradients", "[losses]") {
    for (const Case c : {Case{2, 5, 1, 7}, Case{1, 2, 7, 5}, Case{3, 10, 197, 16},
                         Case{2, 4, sized(1000, 300), 7}, Case{2, 3, sized(5003, 1003), 3}}) {
        INFO(c.batch << " x " << c.views << ", " << c.prototypes << " prototypes");
        const auto student = network(c, c.views, 1, true), teacher = network(c, 2, 5, false);
        DinoLoss<double, Device> loss(c.prototypes);
        loss.centre = normal({1, c.prototypes}, 9, 0.1);
        const auto before = loss.centre;
        const Plain expected = plain(student, teacher, before);
        const auto result = loss.forward(student, teacher, teacher_temperature);
        CHECK(result.loss.item() == Approx(expected.loss).margin(1e-12));
        CHECK(result.teacher_entropy.item() == Approx(expected.entropy).margin(1e-11));
        CHECK(result.kl_to_uniform.item() == Approx(std::log(c.prototypes) - expected.entropy).margin(1e-11));
        const auto centre = host(loss.centre);
        double squares = 0, worst = 0;
        for (std::size_t j = 0; j < expected.centre.size(); ++j) {
            worst = std::max(worst, std::abs(centre.data()[j] - expected.centre[j]));
            squares += expected.centre[j] * expected.centre[j];
        }
        CHECK(worst < 1e-14);
        CHECK(result.centre_norm.item() == Approx(std::sqrt(squares)));
        check_derivative(
            [&](const Inputs& in) {
                loss.centre = before;
                return loss.forward({in[0], in[1], {}}, teacher, teacher_temperature).loss;
            },
            {student.z, student.directions});
    }
}

TEST_CASE("gains scale the prototypes; a frozen last layer gets no gradient", "[losses]") {
    const Case c{2, 4, 33, 7};
    auto student = network(c, c.views, 1, true), teacher = network(c, 2, 5, false);
    student.gains = uniform({c.prototypes, 1}, 11, 0.5, 1.5);
    teacher.gains = uniform({c.prototypes, 1}, 12, 0.5, 1.5);
    DinoLoss<double, Device> loss(c.prototypes);
    const auto before = loss.centre;
    CHECK(loss.forward(student, teacher, teacher_temperature).loss.item() ==
          Approx(plain(student, teacher, before).loss));
    for (const bool trained : {true, false}) {
        student.directions.set_requires_grad(trained);
        check_derivative(
            [&](const Inputs& in) {
                loss.centre = before;
                return loss.forward({in[0], in[1], student.gains}, teacher, teacher_temperature).loss;
            },
            {student.z, student.directions});
    }
}

TEST_CASE("the logits are never held", "[losses]") {
    const std::int64_t prototypes = sized(60'000, 6'000);
    DinoLoss<float, Device> loss(prototypes);
    const auto narrow = [](const Shape& shape, std::uint64_t seed, bool trained) {
        return DeviceVariable<float>(normal<float>(shape, seed), trained);
    };
    const Prototypes<float, Device> student{narrow({40, 16}, 1, true), narrow({prototypes, 16}, 2, true), {}};
    const Prototypes<float, Device> teacher{
        narrow({8, 16}, 3, false), narrow({prototypes, 16}, 4, false), {}};
    const auto step = [&] {
        loss.forward(student, teacher, 0.05).loss.backward();
        student.z.zero_grad();
        student.directions.zero_grad();
    };
    step();
    step();
    pool<Device>().reset_peak();
    const auto before = pool<Device>().statistics();
    step();
    const auto after = pool<Device>().statistics();
    CHECK(after.system_allocations == before.system_allocations);
    // Besides the gradient of the directions (16 numbers a prototype): tiles, far less than the student's
    // logits (40). A GPU's tiles of 16 MB are wider than all prototypes of this test.
    if (on_cpu)
        CHECK(after.peak_bytes - before.live_bytes <
              static_cast<std::uint64_t>(prototypes) * 39 * sizeof(float));
}

TEST_CASE("shapes that do not fit", "[losses]") {
    DinoLoss<float, Device> loss(10);
    const auto zeros = [](const Shape& shape) {
        return DeviceVariable<float>(DeviceTensor<float>::full(shape, 1));
    };
    const Prototypes<float, Device> teacher{zeros({4, 3}), zeros({10, 3}), {}};
    const auto student = [&](const Shape& z, const Shape& w) {
        return Prototypes<float, Device>{zeros(z), zeros(w), {}};
    };
    CHECK_NOTHROW(loss.forward(student({6, 3}, {10, 3}), teacher, 0.04));
    CHECK_THROWS_AS(loss.forward(student({5, 3}, {10, 3}), teacher, 0.04), Error);
    CHECK_THROWS_AS(loss.forward(student({2, 3}, {10, 3}), teacher, 0.04), Error);
    CHECK_THROWS_AS(loss.forward(student({6, 4}, {10, 4}), teacher, 0.04), Error);
    CHECK_THROWS_AS(loss.forward(student({6, 3}, {11, 3}), teacher, 0.04), Error);
    CHECK_THROWS_AS(loss.forward(student({6, 3}, {10, 3}), teacher, 0.0), Error);
    CHECK_THROWS_AS((DinoLoss<float, Device>(0)), Error);
    CHECK(loss.buffers()[0].first == "center");
}
