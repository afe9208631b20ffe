// Shapes, tensors, views, and the memory behind them.
#include <lafs/autograd/expression.hpp>
#include <lafs/core/tensor.hpp>

#include "catch.hpp"

/// A request that cannot be met returns null under AddressSanitizer too, as it does without.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
    return "allocator_may_return_null=1";
}

using namespace lafs;

namespace {

std::string message(auto&& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("shapes", "[core]") {
    const Shape shape{2, 3, 5};
    CHECK(shape.rank() == 3);
    CHECK(shape[-1] == 5);
    CHECK(shape.size() == 30);
    CHECK(shape.size_between(1, 3) == 15);
    CHECK(shape.with(-1, 7) == Shape{2, 3, 7});
    CHECK(shape.without(1) == Shape{2, 5});
    CHECK(Shape{}.size() == 1);
    CHECK(Shape{0, 4}.size() == 0);
    CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1}), Error);
    CHECK_THROWS_AS((Shape{-1}), Error);
    CHECK_THROWS_AS((Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), Error);
    CHECK_THROWS_AS(shape.axis(3), Error);
    CHECK(broadcast(Shape{2, 1, 5}, Shape{3, 1}) == Shape{2, 3, 5});
    CHECK_THROWS_AS(broadcast(Shape{2}, Shape{3}), Error);
    CHECK(message([] { broadcast(Shape{2, 4}, Shape{3}); }).find("(2, 4) and (3,)") != std::string::npos);
}

TEST_CASE("tensors share memory until they are cloned", "[core]") {
    const auto a = Tensor<float>::from({2, 3}, {1, 2, 3, 4, 5, 6});
    const auto same = a, copy = a.clone();
    a.data()[0] = 9;
    CHECK(same.data()[0] == 9);
    CHECK(copy.data()[0] == 1);
    const auto row = a.slice(1, 2);
    CHECK(row.shape() == Shape{1, 3});
    row.data()[0] = 7;
    CHECK(a.data()[3] == 7);
    CHECK(a.reshape({3, -1}).shape() == Shape{3, 2});
    CHECK(a.reshape({-1}).data() == a.data());
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
}

TEST_CASE("tensor errors name what came and what was expected", "[core]") {
    const auto a = Tensor<float>::zeros({2, 3});
    CHECK(message([&] { a.reshape({4, 2}); }).find("(2, 3) to (4, 2)") != std::string::npos);
    CHECK_THROWS_AS(a.reshape({5, -1}), Error);
    CHECK_THROWS_AS(a.slice(1, 3), Error);
    CHECK_THROWS_AS(a.item(), Error);
    CHECK_THROWS_AS(Tensor<float>::from({2}, {1.0f}), Error);
    CHECK_THROWS_AS(a.copy_from(Tensor<float>::zeros({3, 2})), Error);
    CHECK_FALSE(Tensor<float>().defined());
    CHECK(Tensor<float>().data() == nullptr);
}

TEST_CASE("views permute and narrow without copying", "[core]") {
    const auto a = Tensor<int>::from({2, 3}, {1, 2, 3, 4, 5, 6});
    const View<int> turned = a.view().permute({1, 0});
    CHECK(turned.shape == Shape{3, 2});
    CHECK(turned.data[2 * turned.stride[0] + 1 * turned.stride[1]] == 6);
    const View<int> right = a.view().narrow(1, 1, 3);
    CHECK(right.shape == Shape{2, 2});
    CHECK(right.data[1 * right.stride[0]] == 5);
    CHECK_THROWS_AS(a.view().permute({0, 0}), Error);
    CHECK_THROWS_AS(a.view().permute({0}), Error);
    CHECK_THROWS_AS(a.view().narrow(0, 1, 3), Error);
    const auto f = Tensor<float>::from({2, 3}, {1, 2, 3, 4, 5, 6});
    CHECK(contiguous(View<const float>(f.view().permute({1, 0}))).to_vector() ==
          std::vector<float>{1, 4, 2, 5, 3, 6});
    static_assert(std::is_trivially_copyable_v<View<float>>);
}

TEST_CASE("the pool hands freed blocks out again", "[core]") {
    pool<Cpu>().trim();
    const auto first = pool<Cpu>().statistics();
    void* memory = nullptr;
    {
        const auto a = Tensor<float>::empty({1000});
        memory = a.data();
        CHECK(pool<Cpu>().statistics().live_bytes >= first.live_bytes + 4000);
    }
    const auto middle = pool<Cpu>().statistics();
    CHECK(middle.live_bytes == first.live_bytes);
    const auto b = Tensor<float>::empty({990});  // of the same size class
    CHECK(b.data() == memory);
    CHECK(pool<Cpu>().statistics().system_allocations == middle.system_allocations);
}

TEST_CASE("every size of block is large enough", "[core]") {
    Pool<Cpu> own;
    for (std::size_t bytes = 1; bytes < 5000; ++bytes) {
        void* memory = own.allocate(bytes);
        std::memset(memory, 1, bytes);  // the sanitizer watches
        own.release(memory, bytes);
    }
    CHECK(own.statistics().live_bytes == 0);
    own.trim();
}

TEST_CASE("memory that is not there is an error", "[core]") {
    const auto before = pool<Cpu>().statistics().live_bytes;
    CHECK_THROWS_AS(Tensor<double>::empty({std::int64_t{1} << 44}), Error);
    CHECK(pool<Cpu>().statistics().live_bytes == before);
}
