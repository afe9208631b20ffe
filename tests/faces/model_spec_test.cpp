// The text that names a model: the size of images, convolutional networks.
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

TEST_CASE("convolutional models by their names", "[train]") {
    const auto again = [](const char* text) { return model_text(parse_model(text)); };
    for (const char* name :
         {"iresnet18", "iresnet34", "iresnet50", "iresnet100", "iresnet200", "mobilefacenet",
          "mobilefacenet_large", "iresnet50:blocks=1-2-1-1,width=8,features=16,image=32",
          "iresnet18:features=256", "mobilefacenet:blocks=1-2-1-1,scale=1,width=8,image=48",
          "mobilefacenet_large:scale=2"})
        CHECK(again(name) == name);
    CHECK(again("iresnet18:blocks=3-4-14-3") == "iresnet50");
    CHECK(again("mobilefacenet:features=512") == "mobilefacenet");

    const auto iresnet = parse_model("iresnet100:features=256,image=224");
    CHECK(iresnet.network == lafs::Network::iresnet);
    CHECK(iresnet.iresnet.blocks == std::array<std::int64_t, 4>{3, 13, 30, 3});
    CHECK(iresnet.width() == 256);
    CHECK(iresnet.image_size() == 224);
    CHECK_FALSE(iresnet.landmarks);
    CHECK(parse_model("mobilefacenet_large").mobilefacenet.scale == 4);
    CHECK(parse_model("tiny").width() == 192);
    CHECK(parse_model("tiny").image_size() == 112);

    for (const char* name :
         {"iresnet", "iresnet51", "iresnet50:depth=3", "iresnet50:blocks=1-2-3", "iresnet50:blocks=1-2-3-4-5",
          "iresnet50:blocks=1-2-0-4", "iresnet50:blocks=", "iresnet50:blocks=1-2-3-", "iresnet50:image=100",
          "iresnet50:scale=2", "iresnet50:width=0", "mobilefacenet:heads=1", "mobilefacenet:width",
          "mobilefacenets"})
        CHECK_THROWS_AS(parse_model(name), lafs::Error);
}
