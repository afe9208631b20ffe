// Sets of faces in MXNet record files (train.rec): what they hold, whether they are whole, and making them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <lafs/data/record_tools/bin.hpp>
#include <lafs/data/record_tools/info.hpp>
#include <lafs/data/record_tools/pack.hpp>
#include <lafs/data/record_tools/verify.hpp>
#include <lafs/data/set_outputs.hpp>
#include <lafs/data/source.hpp>

#include "image_options.hpp"
#include "run_program.hpp"

namespace {

struct Options {
    std::filesystem::path file, out, repair, index, pairs, root;
    std::string data;
    std::uint64_t first = 0, count = UINT64_MAX;
    int threads = 0;
    lafs::SourceOptions source;
    bool force = false, skip_damaged = false;

    lafs::Overwrite overwrite() const { return force ? lafs::Overwrite::allow : lafs::Overwrite::refuse; }
};

std::filesystem::path record_file(const std::filesystem::path& path) {
    const std::filesystem::path found = lafs::find_record_file(path);
    lafs::require(!found.empty(), "record set", path, " holds no file in .rec");
    return found;
}

lafs::CheckProgress progress() {
    return [](std::int64_t done, std::int64_t all) {
        if (done % 102400 == 0)
            std::fprintf(stderr, "%lld of %lld checked\n", static_cast<long long>(done),
                         static_cast<long long>(all));
    };
}

int info(const Options& options) {
    std::fputs(lafs::describe_records(record_file(options.file)).c_str(), stdout);
    return 0;
}

int verify(const Options& options) {
    for (const std::filesystem::path& output : {options.repair, options.index})
        if (!output.empty())
            lafs::check_output(output, options.overwrite());
    const std::filesystem::path file = record_file(options.file);  // its index may be made anew
    const auto index = options.repair.empty() ? options.repair : lafs::record_index_path(options.repair);
    lafs::check_outputs({{"--repair", options.repair}, {"--write-index", options.index}, {"--repair", index}},
                        {{"FILE", file}});
    lafs::check_outputs({{"--repair", options.repair}, {"--repair", index}},
                        lafs::inputs_of_set("FILE", file));
    const lafs::OpenedRecords opened(file);
    const lafs::RecordCheck check = lafs::check_records(opened, progress());
    for (const lafs::DamagedRecord& record : check.damaged)
        std::printf("damaged: record %llu at byte %llu: %s\n", static_cast<unsigned long long>(record.key),
                    static_cast<unsigned long long>(record.offset), record.reason.c_str());
    for (const std::string& problem : check.problems)
        std::printf("problem: %s\n", problem.c_str());
    for (const std::string& note : check.notes)
        std::printf("note: %s\n", note.c_str());
    std::printf("%zu records, %llu whole images, %zu damaged records\n", opened.file.size(),
                static_cast<unsigned long long>(check.whole_images), check.damaged.size());
    if (!options.index.empty())
        opened.file.write_index(options.index);
    if (!options.repair.empty()) {
        lafs::repair_records(opened, check, options.repair, options.overwrite());
        std::printf("%llu images written to %s\n", static_cast<unsigned long long>(check.whole_images),
                    options.repair.c_str());
    }
    return check.good() ? 0 : 1;
}

int list(const Options& options) {
    const lafs::RecordFile file(record_file(options.file));
    std::puts(lafs::record_list_header);
    for (std::uint64_t i = options.first; i < file.size() && i - options.first < options.count; ++i)
        if (std::puts(lafs::list_record(file, i).c_str()) < 0)
            break;  // nobody reads on
    return 0;
}

int pack(const Options& options) {
    lafs::check_set_output(options.out, options.overwrite());  // before the long work
    lafs::check_outputs({{"OUT", options.out},
                         {"OUT", lafs::record_index_path(options.out)},
                         {"OUT", options.out.parent_path() / "property"}},
                        lafs::inputs_of_set("DATA", options.data));
    const auto source = lafs::open_source(options.data, options.source);
    const lafs::ImageCheck check = lafs::check_images(*source, progress());
    for (const auto& [i, reason] : check.damaged)
        std::fprintf(stderr, "damaged: %s: %s\n", lafs::valid_utf8(source->name(i)).c_str(),
                     lafs::valid_utf8(reason).c_str());
    lafs::require(check.damaged.empty() || options.skip_damaged, "pack", check.damaged.size(), " of ",
                  source->size(), " images are damaged; --skip-damaged leaves them out");
    const lafs::SetProperty property = lafs::pack_records(*source, check, options.out, options.overwrite());
    if (check.sizes.size() > 1)
        std::printf("note: images of %zu sizes, property says 112 x 112\n", check.sizes.size());
    std::printf("%lld images of %lld identities written to %s\n",
                static_cast<long long>(source->size()) - static_cast<long long>(check.damaged.size()),
                static_cast<long long>(property.identities), options.out.c_str());
    return 0;
}

int unpack(const Options& options) {
    const lafs::RecordSource source(record_file(options.file));
    const auto damaged = lafs::unpack_records(source, options.out, options.overwrite());
    for (const std::string& reason : damaged)
        std::fprintf(stderr, "damaged: %s\n", lafs::valid_utf8(reason).c_str());
    std::printf("%lld images written to %s, %zu damaged\n",
                static_cast<long long>(source.size()) - static_cast<long long>(damaged.size()),
                options.out.c_str(), damaged.size());
    return damaged.empty() ? 0 : 1;
}

int bin(const Options& options) {
    lafs::check_output(options.file, options.overwrite());
    lafs::check_outputs({{"OUT", options.file}}, {{"--pairs", options.pairs}, {"--root", options.root}});
    const lafs::PairList pairs = lafs::read_pairs(options.pairs, options.root);
    lafs::write_pairs_bin(pairs, options.file, options.overwrite());
    std::printf("%zu pairs written to %s\n", pairs.pairs.size(), options.file.c_str());
    return 0;
}

using Command = int (*)(const Options&);

CLI::App* add_command(CLI::App& app, const char* name, const char* help, Command run, Command& chosen) {
    CLI::App* command = app.add_subcommand(name, help);
    add_image_options(*command);
    command->callback([&chosen, run] { chosen = run; });
    return command;
}

CLI::App* add_file(CLI::App* command, Options& options) {
    command->add_option("FILE", options.file, "A record file, or a folder that holds train.rec or just one")
        ->required();
    return command;
}

void add_force(CLI::App* command, Options& options) {
    command->add_flag("--force", options.force, "Overwrite files that are there");
}

void add_threads(CLI::App* command, Options& options) {
    command->add_option("--threads", options.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Looks at, checks and makes sets of faces in MXNet record files (train.rec with train.idx)."};
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.require_subcommand(1);
    Options options;
    Command chosen = nullptr;

    add_file(add_command(app, "info", "Facts: images, identities, sizes, layout", info, chosen), options);

    CLI::App* command =
        add_file(add_command(app, "verify",
                             "Read everything and name all that is damaged; exit code 1 if there is any",
                             verify, chosen),
                 options);
    command->add_option(
        "--repair", options.repair,
        "Write what is whole to this file, its .idx, and property if record 0 describes the set");
    command->add_option("--write-index", options.index, "Write the index, read or made anew, to this file");
    add_force(command, options);
    add_threads(command, options);

    command = add_file(
        add_command(app, "list", "A line of fields between tabs for each record", list, chosen), options);
    command->add_option("--first", options.first, "Begin with this record, counted from 0");
    command->add_option("--count", options.count, "List at most so many records");

    command = add_command(app, "pack", "Write a set to OUT, its .idx, and property beside it", pack, chosen);
    command
        ->add_option("DATA", options.data,
                     "A folder root/<identity>/<image>, or what trainers take as --data")
        ->required();
    command->add_option("OUT", options.out, "The file to write (train.rec)")->required();
    command->add_flag("--recursive", options.source.recursive,
                      "Take the images in folders of an identity's folder, too");
    command->add_flag("--skip-damaged", options.skip_damaged, "Leave out images that cannot be read");
    add_force(command, options);
    add_threads(command, options);

    command =
        add_file(add_command(app, "unpack", "Write the images to OUT/<label>/<key>.jpg as they are stored",
                             unpack, chosen),
                 options);
    command->add_option("OUT", options.out, "The folder to write to")->required();
    add_force(command, options);

    command = add_command(
        app, "bin", "Write pairs of image files to a verification set in one file (lfw.bin)", bin, chosen);
    command->add_option("OUT", options.file, "The file to write")->required();
    command->add_option("--pairs", options.pairs, "List of pairs (pairs.txt)")->required();
    command->add_option("--root", options.root, "Folder of the pairs' images")->required();
    add_force(command, options);

    return run_program(app, argc, argv, [&] {
        if (options.threads > 0)
            lafs::set_threads(options.threads);
        return chosen(options);
    });
}
