// Philox against the known answers of Random123, and the distributions built on it.
#include <lafs/core/random.hpp>
#include <vector>

#include "catch.hpp"

using namespace lafs;

namespace {

void check_block(const PhiloxBlock& block, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                 std::uint32_t d) {
    CHECK(block.word[0] == a);
    CHECK(block.word[1] == b);
    CHECK(block.word[2] == c);
    CHECK(block.word[3] == d);
}

struct Moments {
    double mean = 0, variance = 0, smallest = HUGE_VAL, largest = -HUGE_VAL;
};

template <class Draw>
Moments moments(int count, Draw draw) {
    Moments m;
    double squares = 0;
    for (int i = 0; i < count; ++i) {
        const double x = draw(i);
        m.mean += x / count;
        squares += x * x / count;
        m.smallest = std::min(m.smallest, x);
        m.largest = std::max(m.largest, x);
    }
    m.variance = squares - m.mean * m.mean;
    return m;
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives Random123's known answers", "[core]") {
    // kat_vectors of Random123: counter words 0 .. 3, key words 0, 1.
    check_block(philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    check_block(philox(UINT64_MAX, UINT64_MAX, UINT64_MAX), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    check_block(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09, 0x94fdcceb,
                0x5001e420, 0x24126ea1);
}

TEST_CASE("uniform and normal numbers have their moments", "[core]") {
    const auto uniform =
        moments(100'000, [](int i) { return uniform_at(1, 2, static_cast<std::uint64_t>(i)); });
    CHECK(uniform.mean == Approx(0.5).margin(0.005));
    CHECK(uniform.variance == Approx(1.0 / 12).margin(0.002));
    CHECK(uniform.smallest >= 0.0);
    CHECK(uniform.largest < 1.0);
    const auto normal =
        moments(100'000, [](int i) { return normal_at(1, 2, static_cast<std::uint64_t>(i)); });
    CHECK(normal.mean == Approx(0.0).margin(0.015));
    CHECK(normal.variance == Approx(1.0).margin(0.02));
    CHECK(normal.largest > 3.5);
    RandomSequence sequence(1, 3);
    const auto drawn = moments(100'000, [&](int) { return sequence.normal(2.0, 3.0); });
    CHECK(drawn.mean == Approx(2.0).margin(0.04));
    CHECK(drawn.variance == Approx(9.0).margin(0.15));
}

TEST_CASE("32 random bits never round up to 1", "[core]") {
    CHECK(uniform_from_bits<float>(0xFFFFFFFFu) < 1.0f);
    CHECK(uniform_from_bits<float>(0) == 0.0f);
}

TEST_CASE("integers are even over their range", "[core]") {
    RandomSequence random(5, 0);
    std::vector<int> seen(7);
    for (int i = 0; i < 70'000; ++i)
        ++seen[static_cast<std::size_t>(random.integer(7))];
    for (const int count : seen)
        CHECK(count == Approx(10'000).margin(400));
    CHECK(random.integer(1) == 0);
    CHECK_THROWS_AS(random.integer(0), Error);
}

TEST_CASE("streams and seeds differ, the same one repeats", "[core]") {
    RandomSequence a(1, 1), again(1, 1), stream(1, 2), seed(2, 1);
    bool stream_differs = false, seed_differs = false;
    for (int i = 0; i < 20; ++i) {
        const auto bits = a.bits();
        CHECK(bits == again.bits());
        stream_differs |= bits != stream.bits();
        seed_differs |= bits != seed.bits();
    }
    CHECK(stream_differs);
    CHECK(seed_differs);
    manual_seed(9);
    CHECK(default_generator().take() == 0);
    CHECK(default_generator().take() == 1);
    CHECK(default_generator().seed == 9);
}
