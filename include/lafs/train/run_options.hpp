// What every training run has in common: where it writes, how long it runs, and the settings that decide its
// result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/colour_order.hpp>
#include <lafs/faces/model_spec.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Options of a run that do not depend on the method.
struct RunOptions {
    std::filesystem::path out;                    ///< folder for weights, state, log and report
    std::string data;                             ///< image folder or "synthetic:..."
    ColourOrder colour_order = ColourOrder::rgb;  ///< of the set's files
    bool recursive = false;      ///< of an image folder: take images in folders of an identity's folder, too
    std::string model = "tiny";  ///< see parse_model
    std::int64_t epochs = 0;
    std::int64_t batch = 32;
    double learning_rate = 0;  ///< peak; 0 takes the method's rule
    std::int64_t warmup_epochs = 0;
    std::uint64_t seed = 0;
    int threads = 0;                ///< 0: one per core
    bool resume = false;            ///< go on from the state in `out`, if there is one
    std::int64_t save_every = 200;  ///< steps between saved states, beside the end of every epoch
    std::int64_t keep_every = 0;  ///< epochs between checkpoints that stay, in epoch-0010 and so on; 0: none
    int workers = 0;              ///< threads that read and augment ahead; 0: those of the training do it
    bool skip_damaged = false;    ///< pass over images that cannot be read, instead of stopping
    bool recompute = false;  ///< recompute transformer blocks in the backward pass: less memory, more time
};

/// Throws for values no run can have.
inline void check_run_options(const RunOptions& run) {
    require(!run.out.empty(), "options", "no output folder given (--out)");
    require(!run.data.empty(), "options", "no training set given (--data)");
    require(run.epochs >= 0, "options", "got ", run.epochs, " epochs, expected 0 or more");
    require(run.batch >= 1, "options", "got a batch of ", run.batch, ", expected at least 1");
    require(run.learning_rate >= 0 && run.learning_rate < 1e3, "options", "got a learning rate of ",
            run.learning_rate, ", expected 0 (the method's rule) or a positive number");
    require(run.warmup_epochs >= 0 && run.warmup_epochs <= run.epochs, "options", "got ", run.warmup_epochs,
            " warm-up epochs of ", run.epochs, ", expected at most all");
    require(run.colour_order == ColourOrder::rgb || !run.data.starts_with("bgr:"), "options",
            "got --colour-order bgr and bgr: in front of --data, expected one of them");
    require(run.keep_every >= 0, "options", "got --keep-every ", run.keep_every,
            ", expected 0 (none) or more");
    require(run.save_every >= 1, "options", "got --save-every ", run.save_every, ", expected at least 1");
    require(run.threads >= 0 && run.threads <= 1024, "options", "got ", run.threads,
            " threads, expected 0 .. 1024");
    require(run.workers >= 0 && run.workers <= 1024, "options", "got ", run.workers,
            " workers, expected 0 .. 1024");
}

/// The settings of every run that decide its result; a resumed run must have the same.
inline nlohmann::ordered_json run_settings(const RunOptions& run) {
    nlohmann::ordered_json settings = {{"data", run.data},
                                       {"colour_order", colour_order_name(run.colour_order)},
                                       {"model", run.model},
                                       {"epochs", run.epochs},
                                       {"batch", run.batch},
                                       {"learning_rate", run.learning_rate},
                                       {"warmup_epochs", run.warmup_epochs},
                                       {"seed", run.seed}};
    if (run.recursive)
        settings["recursive"] = true;
    return settings;
}

/// Throws when a state was saved under other options, naming each that differs.
inline void check_same_options(const nlohmann::ordered_json& saved, const nlohmann::ordered_json& now,
                               const std::filesystem::path& state) {
    nlohmann::ordered_json keys = saved;
    keys.update(now);
    std::string differences;
    for (const auto& [key, unused] : keys.items()) {
        const bool then = saved.contains(key), here = now.contains(key);
        if (then && here && saved[key] == now[key])
            continue;
        differences += (differences.empty() ? "" : "; ") + key + ": " +
                       (then ? saved[key].dump() : "not set") + " then, " +
                       (here ? now[key].dump() : "not set") + " now";
    }
    require(differences.empty(), "resume", state.string(), " was saved under other options (", differences,
            "): resume with the same, or start anew in another folder");
}

/// The model that a run trains. Throws for one of other images than the faces that training makes.
inline ModelSpec trained_model(const std::string& text) {
    const ModelSpec spec = parse_model(text);
    require(spec.image_size() == face_size, "options", "got --model ", text, " for images of ",
            spec.image_size(), " pixels, expected ", face_size, ", the side of the faces in training");
    return spec;
}

}  // namespace lafs::inline LAFS_ABI
