// The trainers as programs: killed and resumed, with one thread and two, with bad input. Small sizes.
#include <algorithm>
#include <lafs/data/source_pairs.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::Program,
    lafs_test::read_text, lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text,
    lafs_test::operator+;

const std::string small_model = "tiny:depth=1,width=32,heads=1,hidden=32";

/// A folder of synthetic faces with pairs.txt beside it.
struct FaceFolder {
    TemporaryFolder folder;
    fs::path images = folder / "images", pairs = folder / "pairs.txt", other_pairs = folder / "others.txt";

    FaceFolder() {
        const auto source = lafs::open_source("synthetic:ids=10,images=2");
        lafs::write_image_folder(*source, images);
        lafs::write_pairs(pairs,
                          lafs::pairs_as_files(*source, lafs::make_pairs(*source, 20, 10, 1), 10, images));
        lafs::write_pairs(other_pairs,
                          lafs::pairs_as_files(*source, lafs::make_pairs(*source, 40, 10, 2), 10, images));
    }
};

const FaceFolder& faces() {
    static const FaceFolder folder;
    return folder;
}

Arguments finetune(const fs::path& out) {
    return {"--data",  faces().images, "--model", small_model, "--epochs",     "2", "--batch", "4",
            "--scale", "16",           "--out",   out,         "--save-every", "2", "--seed",  "3"};
}

/// Training that validates on two lists of pairs after each epoch, and keeps each epoch's weights.
Arguments validated(const fs::path& out) {
    return finetune(out) + Arguments{"--epochs",
                                     "3",
                                     "--validate-every",
                                     "1",
                                     "--keep-every",
                                     "1",
                                     "--lr",
                                     "3e-3",
                                     "--pairs",
                                     faces().pairs,
                                     "--pairs",
                                     faces().other_pairs,
                                     "--root",
                                     faces().images};
}

/// A network with running statistics, and a head with some of its own.
Arguments finetune_convolutional(const fs::path& out) {
    return finetune(out) +
           Arguments{"--model", "iresnet18:blocks=1-1-1-1,width=2,features=8", "--head", "adaface"};
}

/// Weights with a landmark CNN, made once.
const fs::path& landmarks() {
    static const TemporaryFolder folder;
    static const fs::path path = [] {
        const auto result =
            run_program("lafs_finetune", Arguments{"--data", faces().images, "--model", small_model,
                                                   "--epochs", "0", "--out", folder.path() / "run"});
        REQUIRE(result.exit_code == 0);
        return folder.path() / "run" / "landmarks.safetensors";
    }();
    return path;
}

Arguments pretrain(const fs::path& out) {
    return {"--data",        faces().images,
            "--model",       small_model,
            "--epochs",      "2",
            "--batch",       "4",
            "--local-views", "2",
            "--prototypes",  "32",
            "--head-hidden", "16",
            "--bottleneck",  "8",
            "--method",      "lafs",
            "--landmarks",   landmarks(),
            "--out",         out,
            "--save-every",  "2"};
}

std::int64_t log_lines(const fs::path& out) {
    const std::string text = read_text(out / "log.jsonl");
    return std::count(text.begin(), text.end(), '\n');
}

/// Kills a run after some lines of its log, again after some more, and resumes it to the end.
void check_killed_runs(const std::string& program, Arguments (*arguments)(const fs::path&),
                       const std::vector<std::string>& weights) {
    const TemporaryFolder folder;
    const fs::path whole = folder / "whole";
    const auto undisturbed = run_program(program, arguments(whole));
    INFO(undisturbed.errors);
    REQUIRE(undisturbed.exit_code == 0);
    for (const std::int64_t lines : {0, 1, 3, 6}) {
        const fs::path out = folder / ("killed" + std::to_string(lines));
        for (const std::int64_t until : {lines, lines + 2}) {
            Program run(program, arguments(out) + Arguments{"--resume"});
            run.wait_until([&] { return log_lines(out) >= until; });
            run.kill();
        }
        const auto resumed = run_program(program, arguments(out) + Arguments{"--resume"});
        INFO(resumed.errors);
        REQUIRE(resumed.exit_code == 0);
        for (const std::string& file : weights)
            CHECK(read_text(out / file) == read_text(whole / file));
        CHECK(log_lines(out) == log_lines(whole));
        CHECK(fs::exists(out / "report.html"));
    }
}

}  // namespace

TEST_CASE("supervised training killed at any moment and resumed gives the same bits", "[programs]") {
    check_killed_runs("lafs_finetune", finetune, {"model.safetensors"});
}

TEST_CASE("so does that of statistics that move with every batch", "[programs]") {
    check_killed_runs("lafs_finetune", finetune_convolutional, {"model.safetensors"});
}

TEST_CASE("pre-training killed at any moment and resumed gives the same bits", "[programs]") {
    check_killed_runs("lafs_pretrain", pretrain, {"teacher.safetensors"});
}

TEST_CASE("the best checkpoint is that of the best mean, and survives being killed", "[programs]") {
    check_killed_runs("lafs_finetune", validated,
                      {"model.safetensors", "best.safetensors", "epoch-0002/model.safetensors"});
    const TemporaryFolder folder;
    const fs::path out = folder / "run";
    const auto result = run_program("lafs_finetune", validated(out));
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    std::istringstream log(read_text(out / "log.jsonl"));
    double best = -1;
    std::int64_t best_epoch = -1, validations = 0;
    for (std::string line; std::getline(log, line);) {
        const auto entry = nlohmann::json::parse(line);
        if (!entry.contains("accuracy"))
            continue;
        ++validations;
        const double mean = entry.at("accuracy");
        CHECK(mean ==
              Approx((entry.at("accuracy.pairs").get<double>() + entry.at("accuracy.others").get<double>()) /
                     2));
        if (mean > best) {
            best = mean;
            best_epoch = entry.at("epoch");
        }
        CHECK(entry.at("best_epoch") == best_epoch);
        CHECK(entry.at("best_accuracy") == best);
    }
    CHECK(validations == 3);
    const fs::path kept = out / ("epoch-000" + std::to_string(best_epoch + 1));
    CHECK(read_text(out / "best.safetensors") == read_text(kept / "model.safetensors"));
    CHECK(read_text(out / "epoch-0003" / "model.safetensors") == read_text(out / "model.safetensors"));
    CHECK(read_text(out / "epoch-0001" / "model.safetensors") != read_text(out / "model.safetensors"));
    check_contains(result.errors, "pairs: accuracy ");
    check_contains(result.errors, "others: accuracy ");
    const std::string report = read_text(out / "report.html");
    check_contains(report, "Accuracy on the validation sets");
    check_contains(report, "others");
    check_contains(
        failure("lafs_finetune", finetune(out) + Arguments{"--epochs", "3", "--lr", "3e-3", "--resume"}),
        "validation: ");
}

TEST_CASE("a probe is told, and changes no bit of the training", "[programs]") {
    const TemporaryFolder folder;
    const fs::path plain = folder / "plain", probed = folder / "probed";
    REQUIRE(run_program("lafs_pretrain", pretrain(plain)).exit_code == 0);
    const auto result =
        run_program("lafs_pretrain",
                    pretrain(probed) + Arguments{"--probe", faces().images.string(), "--probe-pairs", "20"});
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(read_text(plain / "teacher.safetensors") == read_text(probed / "teacher.safetensors"));
    CHECK(read_text(plain / "state.safetensors") == read_text(probed / "state.safetensors"));
    check_contains(result.errors, "probe: nearest neighbour ");
    check_contains(read_text(probed / "log.jsonl"), "\"probe_knn\":");
    check_contains(read_text(probed / "report.html"), "Verification on the probe set");
    // The teacher that was asked is the one that is written: the whole set, image and mirror, as lafs_evaluate asks.
    const auto source = lafs::open_source(faces().images);
    lafs::write_pairs(
        folder / "drawn.txt",
        lafs::pairs_as_files(*source, lafs::make_pairs(*source, 20, 10, 0), 10, faces().images));
    const auto asked = run_program("lafs_evaluate",
                                   Arguments{"--weights", probed / "teacher.safetensors", "--pairs",
                                             folder / "drawn.txt", "--root", faces().images, "--json", "-"});
    REQUIRE(asked.exit_code == 0);
    double last = -1;
    std::istringstream log(read_text(probed / "log.jsonl"));
    for (std::string line; std::getline(log, line);)
        last = nlohmann::json::parse(line).value("probe_accuracy", last);
    CHECK(nlohmann::json::parse(asked.output).at("accuracy") == last);
}

TEST_CASE("the order of colours and the share of a set are repeated by a resumed run", "[programs]") {
    const TemporaryFolder folder;
    const Arguments share{"--partition", "0.6", "--few-shot", "2", "--colour-order", "bgr", "--epochs", "1"};
    const auto result = run_program("lafs_pretrain", pretrain(folder / "run") + share);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(log_lines(folder / "run") ==
          4);  // 12 of 20 images are six identities: three steps, and the epoch's end
    const std::string other = failure("lafs_pretrain", pretrain(folder / "run") + Arguments{"--resume"});
    for (const char* part :
         {"colour_order: \"bgr\" then, \"rgb\" now", "partition: 0.6 then", "few_shot: 2 then"})
        check_contains(other, part);
    CHECK(run_program("lafs_pretrain", pretrain(folder / "run") + share + Arguments{"--resume"}).exit_code ==
          0);
    // bgr: in front of the name is the same.
    auto named =
        pretrain(folder / "named") + Arguments{"--partition", "0.6", "--few-shot", "2", "--epochs", "1"};
    named[1] = "bgr:" + faces().images.string();
    REQUIRE(run_program("lafs_pretrain", named).exit_code == 0);
    CHECK(read_text(folder / "named" / "teacher.safetensors") ==
          read_text(folder / "run" / "teacher.safetensors"));
    check_contains(failure("lafs_pretrain", named + Arguments{"--colour-order", "bgr", "--resume"}),
                   "expected one of them");
}

TEST_CASE("one thread and two give the same bits", "[programs]") {
    const TemporaryFolder folder;
    for (const std::string threads : {"1", "2"}) {
        REQUIRE(
            run_program("lafs_finetune", finetune(folder / ("f" + threads)) + Arguments{"--threads", threads})
                .exit_code == 0);
        REQUIRE(
            run_program("lafs_pretrain", pretrain(folder / ("p" + threads)) + Arguments{"--threads", threads})
                .exit_code == 0);
    }
    CHECK(read_text(folder / "f1" / "model.safetensors") == read_text(folder / "f2" / "model.safetensors"));
    CHECK(read_text(folder / "p1" / "teacher.safetensors") ==
          read_text(folder / "p2" / "teacher.safetensors"));
    // Another seed gives other weights: the comparison above can fail.
    REQUIRE(run_program("lafs_finetune", finetune(folder / "s") + Arguments{"--seed", "4"}).exit_code == 0);
    CHECK(read_text(folder / "f1" / "model.safetensors") != read_text(folder / "s" / "model.safetensors"));
}

TEST_CASE("stage 3 starts from stages 1 and 2, and its weights are evaluated as JSON alone", "[programs]") {
    const TemporaryFolder folder;
    REQUIRE(run_program("lafs_pretrain", pretrain(folder / "two")).exit_code == 0);
    const auto tuned = run_program(
        "lafs_finetune",
        finetune(folder / "three") + Arguments{"--init-landmarks", landmarks(), "--init-backbone",
                                               folder / "two" / "teacher.safetensors", "--few-shot", "1"});
    INFO(tuned.errors);
    REQUIRE(tuned.exit_code == 0);
    const auto result =
        run_program("lafs_evaluate", Arguments{"--weights", folder / "three" / "model.safetensors", "--pairs",
                                               faces().pairs, "--root", faces().images, "--json", "-"});
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.output);  // nothing else on standard output
    CHECK(json.at("pairs") == 20);
    CHECK((json.at("accuracy") >= 0.0 && json.at("accuracy") <= 1.0));
    CHECK(json.contains("accuracy_std"));
    CHECK(json.contains("best_threshold"));
    CHECK(json.at("tar_at_far").size() == 4);
}

TEST_CASE("bad images are named", "[programs]") {
    const TemporaryFolder folder;
    fs::copy(faces().images, folder / "images", fs::copy_options::recursive);
    fs::path victim = fs::recursive_directory_iterator(folder / "images")->path();
    for (const auto& entry : fs::recursive_directory_iterator(folder / "images"))
        if (entry.is_regular_file())
            victim = entry.path();
    auto arguments = finetune(folder / "out");
    arguments[1] = folder / "images";
    SECTION("empty") {
        write_text(victim, "");
        check_contains(failure("lafs_finetune", arguments), victim.filename());
    }
    SECTION("not an image") {
        write_text(victim, "these are not pixels");
        check_contains(failure("lafs_finetune", arguments), victim.filename());
    }
    SECTION("an identity with one image trains, but not two-shot") {
        fs::remove(victim);
        check_contains(failure("lafs_finetune", arguments + Arguments{"--few-shot", "2"}),
                       victim.parent_path().filename());
        CHECK(run_program("lafs_finetune", arguments).exit_code == 0);
    }
    SECTION("no folder at all") {
        arguments[1] = folder / "absent";
        check_contains(failure("lafs_finetune", arguments), "absent");
    }
}

TEST_CASE("weights of another architecture are refused", "[programs]") {
    const TemporaryFolder folder;
    check_contains(
        failure("lafs_finetune",
                finetune(folder / "out") + Arguments{"--model", "tiny:depth=1,width=64,heads=1,hidden=32",
                                                     "--init-backbone", landmarks()}),
        "missing: pos_embedding, cls_token");
    check_contains(
        failure("lafs_finetune", finetune(folder / "out") + Arguments{"--model", "tiny:landmarks=100,depth=1",
                                                                      "--init-landmarks", landmarks()}),
        "output_layer.1.bias (392), expected (200)");
    write_text(folder / "broken.safetensors", "not weights");
    check_contains(failure("lafs_evaluate", Arguments{"--weights", folder / "broken.safetensors", "--pairs",
                                                      faces().pairs, "--root", faces().images}),
                   "broken.safetensors");
}

TEST_CASE("a run is not overwritten, nor resumed with other options", "[programs]") {
    const TemporaryFolder folder;
    const fs::path out = folder / "run";
    REQUIRE(run_program("lafs_finetune", finetune(out)).exit_code == 0);
    const std::string before = read_text(out / "model.safetensors");
    check_contains(failure("lafs_finetune", finetune(out)), "--resume");
    check_contains(failure("lafs_finetune", finetune(out) + Arguments{"--resume", "--batch", "5"}),
                   "batch: 4 then, 5 now");
    CHECK(read_text(out / "model.safetensors") == before);
}

TEST_CASE("a full disk ends the run and leaves the earlier files whole", "[programs]") {
    const TemporaryFolder folder;
    const fs::path out = folder / "run";
    auto half = finetune(out);
    {
        Program run("lafs_finetune", half);
        REQUIRE(run.wait_until([&] { return fs::exists(out / "state.safetensors"); }));
        run.kill();
    }
    const std::string state = read_text(out / "state.safetensors");
    const std::string error = failure("lafs_finetune", half + Arguments{"--resume"}, 1 << 20);
    check_contains(error, "File too large");
    CHECK(read_text(out / "state.safetensors") == state);
    CHECK(run_program("lafs_finetune", half + Arguments{"--resume"}).exit_code == 0);
}

TEST_CASE("a loss that is not finite stops the run", "[programs]") {
    const TemporaryFolder folder;
    const std::string error =
        failure("lafs_finetune", finetune(folder / "run") + Arguments{"--lr", "900", "--epochs", "50"});
    check_contains(error, "expected a finite number");
    check_contains(error, "step ");
}

TEST_CASE("nonsense on the command line is explained", "[programs]") {
    const TemporaryFolder folder;
    const auto with = [&](const Arguments& more) {
        return failure("lafs_finetune", finetune(folder / "out") + more);
    };
    check_contains(with({"--head", "facenet"}),
                   "expected cosface, arcface, sface, adaface, magface or softmax");
    check_contains(with({"--model", "huge"}), "expected tiny, small, base");
    check_contains(with({"--model", "tiny:image=224"}), "for images of 224 pixels, expected 112");
    check_contains(with({"--data", "synthetic:ids=0,images=5"}), "got 0 identities");
    check_contains(with({"--batch", "0"}), "batch of 0");
    check_contains(failure("lafs_pretrain", pretrain(folder / "out") + Arguments{"--method", "mae"}),
                   "expected lafs or dino");
    check_contains(run_program("lafs_finetune", {"--help"}).output, "--init-landmarks");
}
