// The saved state of an optimiser: what comes back, and what is refused.
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/sgd.hpp>
#include <lafs/train/saved_state.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace lafs;
using lafs_test::message_of, lafs_test::TemporaryFolder;

namespace {

template <class T>
std::vector<ParameterGroup<T>> one_parameter(const Variable<T>& p) {
    return {{{{"p", p}}, 1, 1}};
}

template <class T>
Variable<T> leaf(const Shape& shape) {
    return {Tensor<T>::full(shape, static_cast<T>(1.0f)), true};
}

template <class T>
SafetensorsFile saved(AdamW<T>& optimizer, const TemporaryFolder& folder) {
    SafetensorsWriter writer;
    add_optimizer(writer, optimizer);
    writer.save(folder / "state.safetensors");
    return SafetensorsFile::open(folder / "state.safetensors");
}

/// An optimiser of one parameter "p" after a step.
template <class T>
struct Trained {
    Variable<T> p;
    AdamW<T> optimizer{one_parameter(p)};

    explicit Trained(const Shape& shape) : p(leaf<T>(shape)) {
        p.set_grad(Tensor<T>::full(shape, static_cast<T>(0.3f)));
        optimizer.step(0.001, 0.1);
    }
};

}  // namespace

TEMPLATE_TEST_CASE("states, masters and counts come back", "[train]", float, bfloat16) {
    const TemporaryFolder folder;
    Trained<TestType> before({2, 3});
    const auto file = saved(before.optimizer, folder);
    AdamW<TestType> after(one_parameter(leaf<TestType>({2, 3})));
    load_optimizer(file, after);
    const auto expected = before.optimizer.state(), got = after.state();
    REQUIRE(got.tensors.size() == (sizeof(TestType) == 2 ? 3 : 2));
    for (std::size_t i = 0; i < got.tensors.size(); ++i) {
        CHECK(got.tensors[i].second.to_vector() == expected.tensors[i].second.to_vector());
        CHECK(got.tensors[i].second.data()[0] != 0.0f);
    }
    CHECK(*got.counters[0].second == 1);
}

TEST_CASE("a state of another optimiser is refused, and changes nothing", "[train]") {
    const TemporaryFolder folder;
    Trained<float> wide({2, 3}), turned({3, 2});
    Trained<bfloat16> narrow({2, 3});
    const auto file = saved(wide.optimizer, folder);
    const std::string path = (folder / "state.safetensors").string();
    CHECK(message_of([&] { load_optimizer(file, turned.optimizer); }) ==
          "[saved state] \"optimizer.p.exp_avg\" of " + path + ": got shape (2, 3), expected (3, 2)");
    CHECK(lafs_test::mentions(message_of([&] { load_optimizer(file, narrow.optimizer); }),
                              "has no tensor \"optimizer.p.master\""));
    Sgd<float> sgd(one_parameter(wide.p));
    CHECK(lafs_test::mentions(message_of([&] { load_optimizer(file, sgd); }),
                              "has no tensor \"optimizer.p.momentum_buffer\""));
    CHECK(*turned.optimizer.state().counters[0].second == 1);
    CHECK(turned.optimizer.state().tensors[0].second.data()[0] == Approx(0.03f));
}

TEST_CASE("counts of steps are counts", "[train]") {
    const TemporaryFolder folder;
    Trained<float> trained({2});
    *trained.optimizer.state().counters[0].second = -1;
    const auto file = saved(trained.optimizer, folder);
    CHECK(lafs_test::mentions(message_of([&] { load_optimizer(file, trained.optimizer); }),
                              "is not a count of steps"));
}

TEST_CASE("the float averages of a 16-bit teacher come back", "[train]") {
    struct Single : Module<bfloat16> {
        Variable<bfloat16> weight = leaf<bfloat16>({2, 2});
        void visit(Visitor<bfloat16, Cpu>& visitor) override { visitor.parameter("weight", weight); }
    } student, teacher;
    const EmaTeacher<bfloat16> before(student, teacher);
    student.weight.value().data()[1] = bfloat16(2.0f);
    before.update(0.999);
    const TemporaryFolder folder;
    SafetensorsWriter writer;
    add_averages(writer, before);
    writer.save(folder / "state.safetensors");
    Single fresh, fresh_teacher;
    const EmaTeacher<bfloat16> after(fresh, fresh_teacher);
    load_averages(SafetensorsFile::open(folder / "state.safetensors"), after);
    CHECK(after.averages()[0].second.data()[1] == Approx(1.001f).epsilon(1e-6));
}
