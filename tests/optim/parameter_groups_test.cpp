// Which parameter is in which group: the published rules, written out.
#include <cmath>
#include <lafs/optim/parameter_groups.hpp>
#include <map>

#include "check_contains.hpp"
#include "temporary_folder.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

using Parameters = NamedParameters<float>;

Variable<float> parameter(const Shape& shape, bool requires_grad = true) {
    return {Tensor<float>::zeros(shape), requires_grad};
}

struct Scales {
    double lr, weight_decay;
};

/// The scales of every parameter by name; a parameter in two groups fails.
std::map<std::string, Scales> scales_of(const std::vector<ParameterGroup<float>>& groups) {
    std::map<std::string, Scales> scales;
    for (const auto& group : groups)
        for (const auto& [name, variable] : group.parameters)
            REQUIRE(scales.emplace(name, Scales{group.lr_scale, group.weight_decay_scale}).second);
    return scales;
}

Parameters part_fvit() {
    return {{"pos_embedding", parameter({1, 5, 4})},
            {"cls_token", parameter({1, 1, 4})},
            {"stn.features.0.0.weight", parameter({16, 3, 3, 3})},
            {"stn.features.0.1.weight", parameter({16})},
            {"output_layer.1.weight", parameter({8, 16})},
            {"output_layer.1.bias", parameter({8})},
            {"patch_to_embedding.weight", parameter({4, 12})},
            {"transformer.layers.0.0.fn.norm.weight", parameter({4})},
            {"transformer.layers.0.0.fn.fn.to_qkv.weight", parameter({12, 4})},
            {"transformer.layers.1.1.fn.fn.net.0.weight", parameter({8, 4})},
            {"transformer.layers.1.1.fn.fn.net.0.bias", parameter({8})},
            {"mlp_head.0.weight", parameter({4})},
            {"loss.weight", parameter({10, 4})}};
}

}  // namespace

TEST_CASE("pre-training decays what is neither a bias nor of one axis", "[optim]") {
    const Parameters parameters = {
        {"a.weight", parameter({2, 3})},           {"a.bias", parameter({2})},
        {"norm.weight", parameter({3})},           {"odd.bias", parameter({2, 2})},
        {"temperature", parameter(Shape{})},       {"last_layer.weight_g", parameter({5, 1}, false)},
        {"last_layer.weight_v", parameter({5, 3})}};
    const auto groups = default_groups(parameters);
    REQUIRE(groups.size() == 2);
    const auto scales = scales_of(groups);
    CHECK(scales.size() == 6);
    CHECK(scales.count("last_layer.weight_g") == 0);
    for (const auto& [name, scale] : scales) {
        CHECK(scale.lr == 1);
        const bool decayed = name == "a.weight" || name == "temperature" || name == "last_layer.weight_v";
        CHECK(scale.weight_decay == (decayed ? 1 : 0));
    }
    CHECK(groups[0].parameters[1].first == "temperature");  // in the order of the module
}

TEST_CASE("layer decay scales by the place in the network", "[optim]") {
    const auto scales = scales_of(layer_decay_groups(part_fvit(), 2, 0.5));
    const std::map<std::string, Scales> expected = {{"pos_embedding", {0.125, 1}},
                                                    {"cls_token", {0.125, 1}},
                                                    {"stn.features.0.0.weight", {0.125, 0.5}},
                                                    {"stn.features.0.1.weight", {0.125, 0}},
                                                    {"output_layer.1.weight", {0.125, 1}},
                                                    {"output_layer.1.bias", {0.125, 0}},
                                                    {"patch_to_embedding.weight", {0.125, 1}},
                                                    {"transformer.layers.0.0.fn.norm.weight", {0.25, 0}},
                                                    {"transformer.layers.0.0.fn.fn.to_qkv.weight", {0.25, 1}},
                                                    {"transformer.layers.1.1.fn.fn.net.0.weight", {0.5, 1}},
                                                    {"transformer.layers.1.1.fn.fn.net.0.bias", {0.5, 0}},
                                                    {"mlp_head.0.weight", {1, 0}},
                                                    {"loss.weight", {1, 1}}};
    REQUIRE(scales.size() == expected.size());
    for (const auto& [name, scale] : expected) {
        INFO(name);
        CHECK(scales.at(name).lr == scale.lr);
        CHECK(scales.at(name).weight_decay == scale.weight_decay);
    }
}

TEST_CASE("stage 1 decays every parameter, the landmark CNN and its output by half", "[optim]") {
    // As published: AdamW with weight decay 0.1 for all, 0.05 for `stn` and `output_layer`.
    const auto groups = layer_decay_groups(part_fvit(), 2, 1.0, 0.5, DecayedParameters::all);
    REQUIRE(groups.size() == 2);
    const auto scales = scales_of(groups);
    REQUIRE(scales.size() == part_fvit().size());
    for (const auto& [name, scale] : scales) {
        INFO(name);
        CHECK(scale.lr == 1);
        CHECK(scale.weight_decay ==
              (name.starts_with("stn.") || name.starts_with("output_layer.") ? 0.5 : 1));
    }
    // With layer decay it is the learning rate alone that changes.
    const auto layered = scales_of(layer_decay_groups(part_fvit(), 2, 0.5, 0.5, DecayedParameters::all));
    CHECK(layered.at("output_layer.1.bias").lr == 0.125);
    CHECK(layered.at("output_layer.1.bias").weight_decay == 0.5);
    CHECK(layered.at("loss.weight").lr == 1);
}

TEST_CASE("the groups of the published sizes: 12 blocks, decay 0.58, weight decay 0.1", "[optim]") {
    Parameters parameters = {{"pos_embedding", parameter({1, 197, 2})},
                             {"cls_token", parameter({1, 1, 2})},
                             {"stn.features.0.0.weight", parameter({2, 3, 3, 3})},
                             {"stn.features.0.1.weight", parameter({2})},
                             {"output_layer.1.weight", parameter({392, 2})},
                             {"output_layer.1.bias", parameter({392})},
                             {"patch_to_embedding.weight", parameter({2, 192})},
                             {"mlp_head.0.weight", parameter({2})},
                             {"loss.weight", parameter({10, 2})}};
    for (int block = 0; block < 12; ++block) {
        const std::string front = "transformer.layers." + std::to_string(block);
        parameters.emplace_back(front + ".0.fn.norm.weight", parameter({2}));
        parameters.emplace_back(front + ".1.fn.fn.net.0.weight", parameter({2, 2}));
    }
    const auto groups = layer_decay_groups(parameters, 12);
    // In front of the blocks: decayed, half decayed, not. Each block and what is behind: decayed and not.
    CHECK(groups.size() == 3 + 2 * 12 + 2);
    const auto scales = scales_of(groups);
    const double front = 0.00084055070416556;  // 0.58^13
    for (const char* name : {"pos_embedding", "stn.features.0.0.weight", "output_layer.1.bias"})
        CHECK(scales.at(name).lr == Approx(front).epsilon(1e-12));
    CHECK(scales.at("transformer.layers.0.0.fn.norm.weight").lr == Approx(front / 0.58));
    CHECK(scales.at("transformer.layers.5.0.fn.norm.weight").lr == Approx(0.02207984167552) /* 0.58^7 */);
    CHECK(scales.at("transformer.layers.11.1.fn.fn.net.0.weight").lr == Approx(0.58));
    CHECK(scales.at("loss.weight").lr == 1);
    const std::map<std::string, double> decay = {{"pos_embedding", 0.1},
                                                 {"cls_token", 0.1},
                                                 {"stn.features.0.0.weight", 0.05},
                                                 {"stn.features.0.1.weight", 0},
                                                 {"output_layer.1.weight", 0.1},
                                                 {"output_layer.1.bias", 0},
                                                 {"mlp_head.0.weight", 0},
                                                 {"loss.weight", 0.1}};
    for (const auto& [name, expected] : decay) {
        INFO(name);
        CHECK(0.1 * scales.at(name).weight_decay == Approx(expected));
    }
    // Stage 1 has two groups.
    const auto first = layer_decay_groups(parameters, 12, 1.0, landmark_decay_scale, DecayedParameters::all);
    REQUIRE(first.size() == 2);
    CHECK(first[0].parameters.size() == parameters.size() - 4);
    CHECK(first[1].parameters.size() == 4);
    CHECK(first[1].weight_decay_scale == 0.5);
}

TEST_CASE("layer decay 1 leaves the weight decay alone, frozen parameters are left out", "[optim]") {
    Parameters parameters = part_fvit();
    parameters[2].second.set_requires_grad(false);
    const auto groups = layer_decay_groups(parameters, 2, 1.0, 0.25);
    CHECK(groups.size() == 2);  // decayed and not; the only decayed parameter of the trunk is frozen
    const auto scales = scales_of(groups);
    CHECK(scales.size() == parameters.size() - 1);
    for (const auto& [name, scale] : scales)
        CHECK(scale.lr == 1);
}

TEST_CASE("layer decay finds the blocks of a model that is a part of another", "[optim]") {
    Parameters parameters = {{"head.weight", parameter({10, 4})}, {"stn.weight", parameter({2, 2})}};
    for (const auto& [name, variable] : part_fvit())
        parameters.emplace_back("whole.model." + name, variable);
    const auto wrapped = scales_of(layer_decay_groups(parameters, 2, 0.5, 0.25));
    for (const auto& [name, scale] : scales_of(layer_decay_groups(part_fvit(), 2, 0.5, 0.25))) {
        INFO(name);
        CHECK(wrapped.at("whole.model." + name).lr == scale.lr);
        CHECK(wrapped.at("whole.model." + name).weight_decay == scale.weight_decay);
    }
    CHECK(wrapped.at("head.weight").lr == 1);
    CHECK(wrapped.at("stn.weight").lr == 1);  // not that of the model
    CHECK(wrapped.at("stn.weight").weight_decay == 1);
}

TEST_CASE("layer decay that would decay nothing says so", "[optim]") {
    const Parameters other = {{"encoder.0.weight", parameter({4, 4})},
                              {"my_transformer.layers.0.weight", parameter({4, 4})}};
    check_contains(message_of([&] { layer_decay_groups(other, 2); }),
                   "got 2 parameters, none of them in a block (transformer.layers.0.)");
    CHECK(layer_decay_groups(other, 2, 1.0).size() == 1);
    CHECK_THROWS_AS(layer_decay_groups(Parameters{}, 2), Error);
    const Parameters two = {{"student.transformer.layers.0.weight", parameter({2, 2})},
                            {"teacher.transformer.layers.0.weight", parameter({2, 2})}};
    check_contains(message_of([&] { layer_decay_groups(two, 2); }), "blocks of two transformers");
}

TEST_CASE("layer decay refuses nonsense", "[optim]") {
    const Parameters parameters = part_fvit();
    CHECK_THROWS_AS(layer_decay_groups(parameters, 1), Error);  // there is a block 1
    CHECK_THROWS_AS(layer_decay_groups(parameters, -1), Error);
    CHECK_THROWS_AS(layer_decay_groups(parameters, 2, 0.0), Error);
    CHECK_THROWS_AS(layer_decay_groups(parameters, 2, 1.5), Error);
    CHECK_THROWS_AS(layer_decay_groups(parameters, 2, std::nan("")), Error);
    CHECK_THROWS_AS(layer_decay_groups(parameters, 2, 0.5, -1.0), Error);
    const Parameters unnamed = {{"transformer.layers.x.weight", parameter({2, 2})}};
    CHECK_THROWS_AS(layer_decay_groups(unnamed, 2), Error);
}
