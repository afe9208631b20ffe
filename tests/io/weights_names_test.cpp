#include <lafs/io/weights_names.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::find_weights;
using lafs_test::message_of;
using Names = std::vector<std::string>;
using Map = std::map<std::string, std::string>;

TEST_CASE("wrappers are taken off, alone and combined", "[io]") {
    CHECK(lafs::without_wrappers("module.cls_token") == "cls_token");
    CHECK(lafs::without_wrappers("module.backbone.encoder.module.x.weight") == "x.weight");
    CHECK(lafs::without_wrappers("_orig_mod.module.x") == "x");
    CHECK(lafs::without_wrappers("head.backbone.x") == "head.backbone.x");
    CHECK(lafs::without_wrappers("modules.x") == "modules.x");
    CHECK(lafs::without_wrappers("") == "");
}

TEST_CASE("the weights of published layouts are found with no option", "[io]") {
    const Names pretraining = {"student.module.backbone.cls_token", "student.module.head.mlp.0.bias",
                               "teacher.backbone.cls_token",        "teacher.head.mlp.0.bias",
                               "optimizer.state.0.exp_avg",         "dino_loss.center"};
    const auto teacher = find_weights(pretraining, "x.pth");
    CHECK(teacher.part == "teacher");
    CHECK(teacher.in_file ==
          Map{{"cls_token", "teacher.backbone.cls_token"}, {"head.mlp.0.bias", "teacher.head.mlp.0.bias"}});
    CHECK(teacher.elsewhere ==
          std::map<std::string, std::size_t>{{"dino_loss", 1}, {"optimizer", 1}, {"student", 2}});
    const auto student = find_weights(pretraining, "x.pth", "student");
    CHECK(student.part == "student");
    CHECK(student.in_file.at("cls_token") == "student.module.backbone.cls_token");

    const auto bare = find_weights({"module.cls_token", "module.loss.weight"}, "x.pth");
    CHECK(bare.part.empty());
    CHECK(bare.elsewhere.empty());
    CHECK(bare.in_file == Map{{"cls_token", "module.cls_token"}, {"loss.weight", "module.loss.weight"}});

    const auto without_teacher = find_weights({"student.module.x", "epoch.y"}, "x.pth");
    CHECK(without_teacher.part == "student");
    CHECK(without_teacher.in_file == Map{{"x", "student.module.x"}});
}

TEST_CASE("dictionaries in dictionaries are entered", "[io]") {
    const auto nested =
        find_weights({"state_dict.teacher.encoder.x", "state_dict.student.x", "amp.scale"}, "f");
    CHECK(nested.part == "state_dict.teacher");
    CHECK(nested.in_file == Map{{"x", "state_dict.teacher.encoder.x"}});
    CHECK(nested.elsewhere == std::map<std::string, std::size_t>{{"amp", 1}, {"student", 1}});
    CHECK(find_weights({"module.model.x", "module.model.y"}, "f").in_file ==
          Map{{"x", "module.model.x"}, {"y", "module.model.y"}});
    CHECK(find_weights({"state_dict.teacher.x", "state_dict.student.x"}, "f", "state_dict.student").in_file ==
          Map{{"x", "state_dict.student.x"}});
    // A tensor of the name of a part is no part.
    CHECK(find_weights({"model", "x"}, "f").in_file == Map{{"model", "model"}, {"x", "x"}});
    // No name is long enough to be taken apart without end.
    std::string endless;
    for (int i = 0; i < 1000; ++i)
        endless += "model.";
    CHECK(find_weights({endless + "x"}, "f").part == "model.model.model.model");
}

TEST_CASE("a part that is absent, and names that become one, are explained", "[io]") {
    const Names names = {"student.x", "epoch", "student.y"};
    const std::string absent = message_of([&] { find_weights(names, "some.pth", "teacher"); });
    CHECK(absent == "[load_weights] some.pth has no part \"teacher\"; it has epoch (1), student (2)");
    const std::string twice = message_of([&] { find_weights({"module.x", "backbone.x"}, "some.pth"); });
    CHECK(twice.find("some.pth: \"module.x\" and \"backbone.x\" are both \"x\"") != std::string::npos);
    CHECK(find_weights({}, "f").in_file.empty());
}
