// The size of images in the text that names a model.
#include <lafs/faces/model_spec.hpp>

#include "catch.hpp"

using lafs::model_text;
using lafs::parse_model;

TEST_CASE("a model's name says the size of its images where it is not 112", "[train]") {
    CHECK(parse_model("tiny").vit.image_size == 112);
    CHECK(model_text(parse_model("tiny")) == "base:width=192,depth=6,heads=3,hidden=384,tokens=196");
    const auto large = parse_model("base:image=224,patch=16");
    CHECK(large.vit.image_size == 224);
    CHECK(large.vit.tokens == 196);
    CHECK(model_text(large) == "base:width=768,depth=12,heads=11,hidden=2048,tokens=196,patch=16,image=224");
    CHECK(parse_model(model_text(large)).vit.image_size == 224);
    CHECK(model_text(parse_model("tiny:image=112")) == model_text(parse_model("tiny")));
    CHECK_THROWS_AS(parse_model("tiny:image=0"), lafs::Error);
    CHECK_THROWS_AS(parse_model("tiny:image=big"), lafs::Error);
}

TEST_CASE("a grid has the tokens that its images need", "[train]") {
    CHECK(parse_model("grid-tiny:image=224").vit.tokens == 784);  // 28 x 28
    CHECK(parse_model("grid-tiny:image=224,patch=16").vit.tokens == 196);
    CHECK(parse_model("grid-tiny:image=64,tokens=100").vit.tokens == 100);
    CHECK(parse_model("grid-tiny").vit.tokens == 196);
    CHECK_THROWS_AS(parse_model("grid-tiny:image=224,tokens=196"), lafs::Error);
    CHECK_THROWS_AS(parse_model("grid-tiny:image=100"), lafs::Error);
    const std::string text = model_text(parse_model("grid-small:image=160"));
    CHECK(text == "grid-base:width=384,depth=12,heads=6,hidden=1024,tokens=400,image=160");
    CHECK(model_text(parse_model(text)) == text);
}
