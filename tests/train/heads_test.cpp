#include <lafs/train/heads.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using namespace lafs;
using lafs_test::check_contains, lafs_test::message_of;

namespace {

/// margin(cos) = 0.25 cos
struct Quarter final : MarginHead<float> {
    using MarginHead<float>::MarginHead;
    Variable<float> margin(const Variable<float>& cosine) const override { return cosine * 0.25; }
};

// Registered before main runs: the library's own names are there all the same.
const bool early = [] {
    register_head("early", [](const HeadOptions& options, std::int64_t features, std::int64_t classes) {
        return std::make_unique<Quarter>(features, classes, options.scale);
    });
    return true;
}();

HeadOptions named(const std::string& name) {
    HeadOptions options;
    options.name = name;
    return options;
}

/// The first logit of a feature that lies at 60 degrees to its class.
float logit_at_60_degrees(const MarginHead<float>& head) {
    head.weight.value().copy_from(Tensor<float>::from({1, 2}, {3, 0}));
    const Variable<float> x(Tensor<float>::from({1, 2}, {1, std::sqrt(3.0f)}));
    return head.logits(x, Tensor<std::int64_t>::zeros({1})).item();
}

}  // namespace

TEST_CASE("heads by name, those of the program among them", "[train]") {
    REQUIRE(early);
    CHECK(head_names() ==
          std::vector<std::string>{"cosface", "arcface", "sface", "adaface", "magface", "softmax", "early"});
    HeadOptions options = named("early");
    options.scale = 10;
    CHECK(logit_at_60_degrees(*make_head(options, 2, 1)) == Approx(10 * 0.125));
    CHECK(logit_at_60_degrees(*make_head(named("softmax"), 2, 1)) == Approx(32));
    CHECK(logit_at_60_degrees(*make_head(named("cosface"), 2, 1)) == Approx(64 * (0.5 - 0.4)));
    options = named("arcface");
    options.scale = 1;
    options.margin = 0.25;
    CHECK(logit_at_60_degrees(*make_head(options, 2, 1)) == Approx(std::cos(M_PI / 3 + 0.25)));
    CHECK(head_names<double>().size() == 6);  // a list for each type and device
}

TEST_CASE("heads that are none", "[train]") {
    check_contains(
        message_of([] { make_head(named("facenet"), 2, 1); }),
        "[head] got \"facenet\", expected cosface, arcface, sface, adaface, magface, softmax or early");
    HeadOptions options = named("softmax");
    options.margin = 0.3;
    check_contains(message_of([&] { make_head(options, 2, 1); }), "softmax has none");
    options = named("sface");
    options.easy_margin = true;
    check_contains(message_of([&] { make_head(options, 2, 1); }), "only arcface has one");
    options = named("magface");
    options.margin = 0.3;
    check_contains(message_of([&] { make_head(options, 2, 1); }), "follows from the features' lengths");
    const auto none = [](const HeadOptions&, std::int64_t, std::int64_t) {
        return std::unique_ptr<MarginHead<double>>();
    };
    check_contains(message_of([&] { register_head<double>("arcface", none); }), "name of another head");
    check_contains(message_of([&] { register_head<double>("", none); }), "expected a name");
    check_contains(message_of([&] { register_head<double>("empty", nullptr); }), "without a function");
    register_head<double>("none", none);
    check_contains(message_of([&] { make_head<double>(named("none"), 2, 1); }), "made no head");
}
