// What a sweep frees, keeps and refuses: two losses over one trunk, values changed in place, undefined handles;
// on every device.
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/autograd/row_functions.hpp>

#include "check_contains.hpp"
#include "device_values.hpp"
#include "temporary_folder.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

Var ones(const Shape& shape) {
    return {DeviceTensor<double>::full(shape, 1.0), true};
}

template <class Action>
void check_error(const Action& action, const std::string& part) {
    check_contains(message_of(action), part);
}

}  // namespace

TEST_CASE("the second of two losses over one trunk is refused, not ignored", "[autograd]") {
    const Var w = ones({3}), h = w * w, a = mean(Var(h * 1)), b = mean(Var(h * 10));
    a.backward();
    check_error([&] { b.backward(); }, "keep_graph");
    check_error([&] { a.backward(); }, "freed by an earlier backward()");
    // What was refused leaves nothing behind: the freed value takes no part in later sweeps.
    w.zero_grad();
    const Var again = w * w;
    sum(again).backward();
    CHECK(w.grad().to_vector() == std::vector<double>{2, 2, 2});
}

TEST_CASE("a kept graph serves again", "[autograd]") {
    const Var w = ones({3}), h = w * w, a = mean(Var(h * 1)), b = mean(Var(h * 10));
    a.backward(keep_graph);
    b.backward();
    check_close(w.grad().to_vector(), std::vector<double>(3, 22.0 / 3), 1e-15);  // (1 + 10) 2 w / 3
    check_error([&] { a.backward(); }, "was freed");

    // The second time adds the same.
    const Var x(normal({4, 5}, 1), true), v(normal({6, 5}, 2), true), c(normal({4, 6}, 3));
    const Var y = softmax(linear(x, v)) * c;
    const auto g = normal({4, 6}, 4);
    y.backward(g, keep_graph);
    auto expected = x.grad().to_vector();
    for (double& each : expected)
        each *= 2;
    y.backward(g);
    check_close(x.grad().to_vector(), expected, 1e-15);
}

TEST_CASE("a value that was changed in place before backward is found", "[autograd]") {
    const Var x = ones({2, 3});
    const Var product = x * x;
    x.value().zero();
    const auto g = normal({2, 3}, 1);
    check_error([&] { product.backward(g); }, "an input of shape (2, 3)");
    check_error([&] { product.backward(g); }, "lafs/autograd/expression.hpp:");

    const Var y = ones({2, 3});
    const Var s = softmax(y), total = sum(Var(s * 2));
    assign(s.value().view().narrow(1, 0, 1), on<Device>(s.value().view().narrow(1, 1, 2)) * 3);
    check_error([&] { total.backward(); }, "changed in place");

    const Var z = ones({3});
    const Var loss = sum(Var(z * z));
    accumulate(z.value().view(), z.value() * 1);
    check_error([&] { loss.backward(); }, "(1 changes)");

    const Var u = ones({3});
    const Var late = sum(Var(u * u));
    u.value().copy_from(normal({3}, 1));
    check_error([&] { late.backward(); }, "changed in place");

    // Changes before the value is used do no harm.
    const Var v = ones({3});
    v.value().copy_from(normal({3}, 2));
    CHECK_NOTHROW(sum(Var(v * v)).backward());
}

TEST_CASE("an error in a sweep leaves no gradient of it between the leaves", "[autograd]") {
    const Var x = ones({2}), y = ones({2});
    const Var k = y * y, h = x * x, loss = sum(Var(h * k));
    x.value().zero();
    CHECK_THROWS_AS(loss.backward(), Error);
    CHECK_FALSE(h.grad().defined());
    CHECK_FALSE(k.grad().defined());
    // k's part of the graph is whole and can be used again.
    y.zero_grad();
    sum(k).backward();
    CHECK(y.grad().to_vector() == std::vector<double>{2, 2});
}

TEST_CASE("undefined and moved-from handles say so", "[autograd]") {
    DeviceTensor<double> a = normal({3}, 1);
    const DeviceTensor<double> b = std::move(a);
    CHECK(b.size() == 3);
    CHECK(a.size() == 0);
    CHECK(a.rank() == 0);
    CHECK(a.data() == nullptr);
    check_error([&] { a.to_vector(); }, "[to_vector] got an undefined tensor");
    check_error([&] { a.view(); }, "undefined");
    check_error([&] { a.clone(); }, "undefined");
    check_error([&] { a.item(); }, "undefined");
    check_error([&] { a.zero(); }, "undefined");
    check_error([&] { a.copy_from(b); }, "undefined");
    check_error([&] { b.copy_from(a); }, "undefined");
    check_error([&] { a.reshape({1}); }, "undefined");
    check_error([&] { a.slice(0, 0); }, "undefined");
    check_error([&] { a.shape(0); }, "axis 0 of ()");
    check_error([&] { (a + b).eval(); }, "undefined");
    check_error([&] { b.shape(1); }, "axis 1 of (3,)");
    check_error([&] { b.shape(-2); }, "axis -2 of (3,)");

    Var w = ones({3, 3}), undefined;
    check_error([&] { undefined.value(); }, "[variable] got an undefined variable");
    check_error([&] { undefined.shape(); }, "undefined");
    check_error([&] { undefined.grad(); }, "undefined");
    check_error([&] { undefined.zero_grad(); }, "undefined");
    check_error([&] { undefined.set_requires_grad(true); }, "undefined");
    check_error([&] { undefined.backward(); }, "undefined");
    check_error([&] { matmul(undefined, w); }, "undefined");
    check_error([&] { matmul(w, undefined); }, "undefined");
    check_error([&] { softmax(undefined); }, "undefined");
    check_error([&] { sum(undefined); }, "undefined");
    check_error([&] { w.shape(4); }, "axis 4 of (3, 3)");
    const Var moved = std::move(w);
    check_error([&] { w.shape(); }, "undefined");
    CHECK(moved.shape(1) == 3);
}
