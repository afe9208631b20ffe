// Numbers of parameters of the published models, too many for emulated devices.
#include <lafs/models/part_fvit.hpp>

#include "catch.hpp"

using namespace lafs;

TEST_CASE("the presets have the published sizes", "[models]") {
    // By hand: positions, class token, embedding, blocks, final norm.
    const auto expected = [](const VitConfig& c) {
        const std::int64_t inner = c.heads * 64, D = c.width;
        const std::int64_t block =
            2 * 2 * D + D * 3 * inner + inner * D + D + D * c.hidden + c.hidden + c.hidden * D + D;
        return 197 * D + D + 192 * D + D + c.depth * block + 2 * D;
    };
    Vit<float> tiny(VitConfig::tiny()), base(VitConfig::base8());
    CHECK(tiny.parameter_count() == expected(VitConfig::tiny()));
    CHECK(base.parameter_count() == expected(VitConfig::base8()));
    CHECK(VitConfig::small().width == 384);
}

TEST_CASE("the published Part fViT has 66.96 M parameters with a 10-class head", "[models]") {
    PartFViT<float> model(VitConfig::base8());
    CHECK(static_cast<double>(model.parameter_count() + 10 * 768) / 1e6 == Approx(66.96).margin(0.005));
    CHECK(static_cast<double>(model.landmark_cnn.stn.parameter_count()) / 1e6 == Approx(2.81).margin(0.005));
}
