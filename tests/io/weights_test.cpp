#include <cmath>
#include <lafs/io/pytorch_writer.hpp>
#include <lafs/io/weights.hpp>
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/linear.hpp>
#include <limits>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::WeightsOptions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

namespace {

/// proj.weight (2, 3), proj.bias (2), norm.{weight, bias, running_mean, running_var, num_batches_tracked}.
struct Small : lafs::Module<float> {
    lafs::Linear<float> proj{3, 2};
    lafs::BatchNorm2d<float> norm{2};
    void visit(lafs::Visitor<float, lafs::Cpu>& visitor) override {
        visitor.child("proj", proj);
        visitor.child("norm", norm);
    }
};

/// The tensors of a file for Small under a prefix; a test changes some of them before they are written.
struct Tensors {
    std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>> floats = {
        {"proj.weight", {{2, 3}, {1, 2, 3, 4, 5, 6}}},
        {"proj.bias", {{2}, {7, 8}}},
        {"norm.weight", {{2}, {9, 10}}},
        {"norm.bias", {{2}, {11, 12}}},
        {"norm.running_mean", {{2}, {13, 14}}},
        {"norm.running_var", {{2}, {15, 16}}}};
    std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>> integers = {
        {"norm.num_batches_tracked", {{}, {17}}}};

    template <class Writer>
    void save_as(const std::filesystem::path& path, const std::string& prefix) const {
        Writer writer;
        for (const auto& [name, tensor] : floats)
            writer.add_bytes(prefix + name, lafs::DType::float32, tensor.first,
                             std::as_bytes(std::span(tensor.second)));
        for (const auto& [name, tensor] : integers)
            writer.add_bytes(prefix + name, lafs::DType::int64, tensor.first,
                             std::as_bytes(std::span(tensor.second)));
        writer.save(path);
    }
    void save(const std::filesystem::path& path, const std::string& prefix = "") const {
        save_as<lafs::SafetensorsWriter>(path, prefix);
    }
};

bool holds_the_tensors(Small& model) {
    return model.proj.weight.value().to_vector() == std::vector<float>{1, 2, 3, 4, 5, 6} &&
           model.proj.bias.value().to_vector() == std::vector<float>{7, 8} &&
           model.norm.weight.value().to_vector() == std::vector<float>{9, 10} &&
           model.norm.bias.value().to_vector() == std::vector<float>{11, 12} &&
           model.norm.running.mean.to_vector() == std::vector<float>{13, 14} &&
           model.norm.running.variance.to_vector() == std::vector<float>{15, 16} && model.norm.batches == 17;
}

bool is_untouched(Small& model, const std::vector<float>& weight) {
    return model.proj.weight.value().to_vector() == weight && model.norm.batches == 0 &&
           model.norm.weight.value().to_vector() == std::vector<float>{1, 1};
}

}  // namespace

TEST_CASE("weights load through every wrapper, from both kinds of file", "[io]") {
    TemporaryFolder folder;
    const Tensors tensors;
    for (const std::string prefix : {"", "module.", "backbone.", "encoder.", "teacher.backbone.",
                                     "student.module.backbone.", "state_dict.", "model.module."}) {
        INFO(prefix);
        tensors.save(folder / "x", prefix);
        tensors.save_as<lafs::PyTorchWriter>(folder / "y", prefix);
        for (const char* name : {"x", "y"}) {
            Small model;
            const auto report = lafs::load_weights(model, folder / name);
            CHECK(holds_the_tensors(model));
            CHECK(report.complete());
            CHECK(report.loaded.size() == 7);
            CHECK(report.left_over.empty());
        }
    }
}

TEST_CASE("a file that does not fit is told of in full, and changes nothing", "[io]") {
    TemporaryFolder folder;
    Tensors tensors;
    tensors.floats.erase("norm.bias");
    tensors.floats.erase("norm.running_var");
    tensors.floats["proj.weight"] = {{3, 2}, {1, 2, 3, 4, 5, 6}};
    tensors.floats["head.weight"] = {{1}, {0}};
    tensors.save(folder / "x.bin", "teacher.module.");
    Small model;
    const auto before = model.proj.weight.value().to_vector();
    const std::string file = (folder / "x.bin").string();
    CHECK(message_of([&] { lafs::load_weights(model, folder / "x.bin"); }) ==
          "[load_weights] the file does not fit the model\n" + file +
              " (teacher): 4 of 7 tensors found\n"
              "  2 missing: norm.bias, norm.running_var\n"
              "  1 differs: proj.weight (3, 2), expected (2, 3)\n"
              "  1 left over: head.weight");
    CHECK(is_untouched(model, before));
    CHECK(message_of([&] {
              lafs::load_weights(model, folder / "x.bin", {"student", {}, {}, {}});
          }).find("has no part \"student\"; it has teacher (6)") != std::string::npos);
}

TEST_CASE("tensors are left over only where that is allowed", "[io]") {
    TemporaryFolder folder;
    Tensors tensors;
    tensors.floats["head.weight"] = {{1}, {0}};
    tensors.save(folder / "x");
    Small model;
    const auto before = model.proj.weight.value().to_vector();
    const std::string refused = message_of([&] { lafs::load_weights(model, folder / "x"); });
    CHECK(refused.find("7 of 7 tensors found\n  1 left over: head.weight") != std::string::npos);
    CHECK(is_untouched(model, before));
    WeightsOptions options;
    options.may_be_left = lafs::is_training_head_name;
    options.notes = {"for a test"};
    const auto report = lafs::load_weights(model, folder / "x", options);
    CHECK(report.left_over == std::vector<std::string>{"head.weight"});
    CHECK(report.text() ==
          (folder / "x").string() + ": 7 of 7 tensors found\n  1 left over: head.weight\n  note: for a test");
    CHECK(holds_the_tensors(model));
}

TEST_CASE("a part of a model loads alone", "[io]") {
    TemporaryFolder folder;
    Tensors().save(folder / "x");
    Small model;
    WeightsOptions options;
    options.chosen = [](const std::string& name) { return name.starts_with("norm."); };
    options.may_be_left = lafs::all_names;
    const auto before = model.proj.weight.value().to_vector();
    const auto report = lafs::load_weights(model, folder / "x", options);
    CHECK(report.loaded.size() == 5);
    CHECK(report.left_over == std::vector<std::string>{"proj.bias", "proj.weight"});
    CHECK(model.proj.weight.value().to_vector() == before);
    CHECK(model.norm.batches == 17);
}

TEST_CASE("types and values are checked before anything changes", "[io]") {
    TemporaryFolder folder;
    Tensors tensors;
    Small model;
    const auto before = model.proj.weight.value().to_vector();
    const auto refusal = [&] {
        tensors.save(folder / "x");
        const std::string message = message_of([&] { lafs::load_weights(model, folder / "x"); });
        CHECK(is_untouched(model, before));
        return message;
    };
    SECTION("integers for floats") {
        tensors.floats.erase("proj.bias");
        tensors.integers["proj.bias"] = {{2}, {7, 8}};
        CHECK(refusal().find("1 differs: proj.bias int64 (2), expected floats (2)") != std::string::npos);
    }
    SECTION("floats for a counter") {
        tensors.integers.clear();
        tensors.floats["norm.num_batches_tracked"] = {{}, {17}};
        CHECK(refusal().find("norm.num_batches_tracked float32 (), expected integers ()") !=
              std::string::npos);
    }
    SECTION("a counter that is a list, or empty") {
        tensors.integers["norm.num_batches_tracked"] = {{0}, {}};
        CHECK(refusal().find("norm.num_batches_tracked (0), expected ()") != std::string::npos);
    }
    SECTION("not a number, in the last tensor") {
        tensors.floats["norm.running_var"].second[1] = std::numeric_limits<float>::quiet_NaN();
        CHECK(refusal().find("norm.running_var holds NaN or infinity") != std::string::npos);
    }
    SECTION("more axes than any tensor has") {
        tensors.floats["proj.bias"] = {std::vector<std::int64_t>(40, 1), {7}};
        CHECK(refusal().find("1 differs: proj.bias (1, 1, 1") != std::string::npos);
    }
}

TEST_CASE("a file without counters loads, and other float types are converted", "[io]") {
    TemporaryFolder folder;
    const Tensors tensors;
    lafs::SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors.floats)
        writer.add(name, tensor.first, std::vector<lafs::half>(tensor.second.begin(), tensor.second.end()));
    writer.save(folder / "x");
    Small model;
    model.norm.batches = 17;
    CHECK(lafs::load_weights(model, folder / "x").loaded.size() == 6);
    CHECK(holds_the_tensors(model));
}

TEST_CASE("what a training state holds is loaded by its exact prefix", "[io]") {
    TemporaryFolder folder;
    Tensors().save(folder / "x", "model.");
    Small model;
    const auto file = lafs::SafetensorsFile::open(folder / "x");
    CHECK(lafs::load_weights(model, file, "model.").loaded.size() == 7);
    CHECK(holds_the_tensors(model));
    CHECK_THROWS_AS(lafs::load_weights(model, file, "student."), lafs::Error);
}

TEST_CASE("long reports are cut short", "[io]") {
    lafs::WeightsReport report;
    report.file = "f";
    for (int i = 0; i < 1000; ++i)
        report.missing.push_back("n" + std::to_string(i));
    for (int i = 0; i < 7; ++i)
        report.differing.push_back({"d" + std::to_string(i), "(1)", "(2)"});
    report.elsewhere = {{"optimizer", 40}, {"student", 2}};
    CHECK(
        report.text() ==
        "f: 0 of 1007 tensors found\n"
        "  1000 missing: n0, n1, n2, n3, n4, n5 and 994 more\n"
        "  7 differ: d0 (1), expected (2), d1 (1), expected (2), d2 (1), expected (2), d3 (1), expected (2), "
        "d4 (1), expected (2), d5 (1), expected (2) and 1 more\n"
        "  42 in other parts of the file: optimizer.* (40), student.* (2)");
}
