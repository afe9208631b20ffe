// The loop that all training runs share: steps, log, saved state, resume, and what to do on failure.
//
// A run can be stopped at any moment, even killed: with `resume` it goes on from its last saved state and
// ends with the same bits as a run that was never stopped. That holds because a step depends on the state and
// the step's number alone (every step starts its own random streams), and the state is written atomically.
#pragma once

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <lafs/core/random.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/core/utf8.hpp>
#include <lafs/io/json_text.hpp>
#include <lafs/io/output_files.hpp>
#include <lafs/io/weights.hpp>
#include <lafs/report/log.hpp>
#include <lafs/report/progress.hpp>
#include <lafs/train/run_options.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What one step gives to the loop.
struct StepResult {
    double loss = 0;
    std::int64_t images = 0;
    std::vector<LogField> fields;                ///< logged beside loss and images/s
    std::vector<std::vector<LogField>> notes{};  ///< lines of their own, logged before it
};

/// A method of training.
///
/// requires: `train_step(step)` is a function of the saved state and of `step` alone, drawing random
///           numbers from `default_generator()` or from streams numbered by the step; it throws rather than
///           apply a broken update.
/// ensures:  steps 0 .. epochs * steps_per_epoch - 1 run once each, in order, however often the run is
///           resumed.
class TrainingTask {
public:
    virtual ~TrainingTask() = default;
    virtual std::string name() const = 0;
    /// What decides the result: options, and what follows from them. A resumed run must have the same.
    virtual nlohmann::ordered_json settings() const = 0;
    virtual std::int64_t steps_per_epoch() const = 0;
    virtual StepResult train_step(std::int64_t step) = 0;
    /// After an epoch; what it returns is logged.
    virtual std::vector<LogField> end_epoch(std::int64_t epoch) = 0;
    /// What the user should know of the run, lines for standard error; printed when it ends or is stopped.
    virtual std::string remarks() const { return {}; }
    /// Files that the run reads beside its set, with their options: none of them may lie in the output folder.
    virtual std::vector<NamedPath> inputs() const { return {}; }
    /// All that the next step depends on.
    virtual void save_state(SafetensorsWriter& writer) = 0;
    virtual void load_state(const SafetensorsFile& file) = 0;
    /// Writes the weights for users into the output folder.
    virtual void export_weights(const std::filesystem::path& out) = 0;
    virtual void write_report(const std::filesystem::path& file, const std::filesystem::path& log) = 0;

    /// Says a line to the user, on standard error; run_training takes the lines over to put them beside its bar.
    void say(const std::string& line) const {
        if (say_)
            say_(line);
        else
            std::fprintf(stderr, "%s\n", line.c_str());
    }
    void on_say(std::function<void(const std::string&)> say) { say_ = std::move(say); }

private:
    std::function<void(const std::string&)> say_;
};

namespace detail {

/// Set by SIGINT and SIGTERM: the loop saves its state after the current step and leaves.
inline volatile std::sig_atomic_t& stop_requested() {
    static volatile std::sig_atomic_t requested = 0;
    return requested;
}

/// Handles the two signals for the duration of a run.
class StopSignals {
public:
    StopSignals() {
        stop_requested() = 0;
        const auto handler = [](int) { stop_requested() = 1; };
        interrupt_ = std::signal(SIGINT, handler);
        terminate_ = std::signal(SIGTERM, handler);
    }
    ~StopSignals() {
        std::signal(SIGINT, interrupt_);
        std::signal(SIGTERM, terminate_);
    }
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

private:
    void (*interrupt_)(int);
    void (*terminate_)(int);
};

/// While it lives, what a task says goes past the progress bar.
class SayBesideBar {
public:
    SayBesideBar(TrainingTask& task, Progress& progress) : task_(task) {
        task_.on_say([&progress](const std::string& line) { progress.print(line); });
    }
    ~SayBesideBar() { task_.on_say({}); }
    SayBesideBar(const SayBesideBar&) = delete;
    SayBesideBar& operator=(const SayBesideBar&) = delete;

private:
    TrainingTask& task_;
};

inline constexpr const char* state_file = "state.safetensors";

/// The settings as they are saved and compared: names of files may be any bytes, JSON is UTF-8.
inline nlohmann::ordered_json saved_settings(const TrainingTask& task) {
    return nlohmann::ordered_json::parse(json_text(task.settings()));
}

inline void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    require(!error && std::filesystem::is_directory(folder), "train", "cannot make the folder ",
            folder.string(), ": ", error.message());
}

/// Where the weights after so many epochs stay: OUT/epoch-0010.
inline std::filesystem::path kept_folder(const std::filesystem::path& out, std::int64_t epochs) {
    char name[40];
    std::snprintf(name, sizeof name, "epoch-%04lld", static_cast<long long>(epochs));
    return out / name;
}

/// Writes the weights after so many epochs, also as a checkpoint that stays where it is time for one.
inline void export_epoch(TrainingTask& task, const RunOptions& run, std::int64_t epochs) {
    task.export_weights(run.out);
    if (run.keep_every == 0 || epochs % run.keep_every != 0)
        return;
    const std::filesystem::path folder = kept_folder(run.out, epochs);
    make_folder(folder);
    task.export_weights(folder);
}

inline void save_run(TrainingTask& task, const std::filesystem::path& out, std::int64_t step) {
    SafetensorsWriter writer;
    writer.metadata("format", "lafs training state 1");
    writer.metadata("task", task.name());
    writer.metadata("step", std::to_string(step));
    writer.metadata("options", saved_settings(task).dump());
    task.save_state(writer);
    writer.save(out / state_file);
}

/// Restores a saved run and returns the number of steps it has done.
inline std::int64_t load_run(TrainingTask& task, const std::filesystem::path& out) {
    const auto path = out / state_file;
    const auto file = SafetensorsFile::open(path);
    require(file.metadata().contains("format") && file.metadata("format") == "lafs training state 1" &&
                file.metadata("task") == task.name(),
            "resume", path.string(), " is not the state of a run of ", task.name());
    const auto saved = nlohmann::ordered_json::parse(file.metadata("options"), nullptr, false);
    require(saved.is_object(), "resume", path.string(), ": the recorded options are damaged");
    check_same_options(saved, saved_settings(task), path);
    std::int64_t step = -1;
    std::sscanf(file.metadata("step").c_str(), "%lld", reinterpret_cast<long long*>(&step));
    require(step >= 0, "resume", path.string(), ": got step \"", file.metadata("step"),
            "\", expected a number");
    task.load_state(file);
    return step;
}

/// Throws when the run would write over what it reads, or into the folder of another run or export.
inline void check_run_folder(const TrainingTask& task, const RunOptions& run) {
    for (const NamedPath& input : task.inputs())
        require(input.path.extension() != ".safetensors" ||
                    !same_file(input.path, run.out / input.path.filename()),
                "train", "got ", input.name, " ", input.path.string(), " in the output folder ",
                run.out.string(), ", where the run writes files of such names: give another --out");
    const std::string found = result_in(run.out);
    require(found.empty() || (run.resume && found != "pairs.txt"), "train", run.out.string(), " holds ",
            found == "pairs.txt" ? "an exported set" : "a run", " already (", found, "): give ",
            found == "pairs.txt" ? "" : "--resume to go on with it, or ", "another --out");
}

/// Makes the output folder and decides where to begin.
inline std::int64_t begin_run(TrainingTask& task, const RunOptions& run) {
    check_run_folder(task, run);
    make_folder(run.out);
    if (std::filesystem::exists(run.out / state_file))
        return load_run(task, run.out);
    if (run.resume)
        std::fprintf(stderr, "%s: nothing to resume in %s, starting anew\n", task.name().c_str(),
                     run.out.c_str());
    return 0;
}

/// "loss 3.214, accuracy 56.1"
inline std::string short_note(const StepResult& result) {
    char text[48];
    std::snprintf(text, sizeof text, "loss %.4g", result.loss);
    return text;
}

}  // namespace detail

/// Runs a task to its end (or to the next stop signal) and writes weights, state, log and report.
/// Returns false when it was stopped by a signal. Throws when a loss is not finite, naming the step and the
/// last saved state, and for every error of files; what was saved before stays whole.
inline bool run_training(TrainingTask& task, const RunOptions& run) {
    const std::int64_t per_epoch = task.steps_per_epoch(), total = run.epochs * per_epoch;
    std::int64_t step = detail::begin_run(task, run), saved = step;
    const auto log_path = run.out / "log.jsonl";
    auto log = step > 0 ? JsonlLog::resume(log_path, step - 1) : JsonlLog::create(log_path);
    const detail::StopSignals signals;
    Progress progress(task.name(), total, step);
    const detail::SayBesideBar say(task, progress);
    bool stopped = false;
    while (step < total && !stopped) {
        default_generator() = Generator{run.seed, static_cast<std::uint64_t>(step) << 24};
        StepResult result = task.train_step(step);
        if (!std::isfinite(result.loss))
            fail("train", "step ", step, ": the loss is ", result.loss, ", expected a finite number; ",
                 saved > 0 ? "the last good state, after step " + std::to_string(saved - 1) + ", is " +
                                 (run.out / detail::state_file).string()
                           : std::string("no state was saved yet"),
                 ". Lower the learning rate or look at the data");
        progress.advance(result.images, detail::short_note(result));
        for (const auto& note : result.notes)
            log.append(step, note);
        std::vector<LogField> fields{{"epoch", step / per_epoch}, {"loss", result.loss}};
        fields.insert(fields.end(), result.fields.begin(), result.fields.end());
        fields.push_back({"images_per_second", progress.images_per_second()});
        log.append(step, fields);
        ++step;
        stopped = detail::stop_requested() != 0;
        if (step % per_epoch == 0) {
            std::vector<LogField> epoch{{"epoch", step / per_epoch - 1}, {"end_of_epoch", true}};
            for (auto& field : task.end_epoch(step / per_epoch - 1))
                epoch.push_back(field);
            log.append(step - 1, epoch);
            detail::export_epoch(task, run, step / per_epoch);
        }
        if (step % per_epoch == 0 || step % run.save_every == 0 || stopped) {
            detail::save_run(task, run.out, step);
            saved = step;
        }
    }
    progress.finish();
    std::fprintf(stderr, "%s", valid_utf8(task.remarks()).c_str());
    if (step < total) {
        std::fprintf(stderr, "%s: stopped after step %lld; go on with --resume\n", task.name().c_str(),
                     static_cast<long long>(step - 1));
        return false;
    }
    if (saved == 0)  // nothing was trained: the untrained model is a result too
        detail::save_run(task, run.out, step);
    task.export_weights(run.out);
    task.write_report(run.out / "report.html", log_path);
    return true;
}

}  // namespace lafs::inline LAFS_ABI
