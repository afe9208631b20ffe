#include <lafs/train/set_fingerprint.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder;

namespace {

/// Names and labels without images.
struct NamedSet final : lafs::FaceSource {
    std::vector<std::string> names;
    std::vector<std::int64_t> labels;
    std::int64_t classes;

    NamedSet(std::vector<std::string> all, std::vector<std::int64_t> own, std::int64_t count)
        : names(std::move(all)), labels(std::move(own)), classes(count) {}
    std::int64_t size() const override { return static_cast<std::int64_t>(names.size()); }
    std::int64_t identities() const override { return classes; }
    std::int64_t label(std::int64_t i) const override { return labels[static_cast<std::size_t>(i)]; }
    lafs::Image image(std::int64_t) const override { lafs::fail("test", "no image is read"); }
    std::string name(std::int64_t i) const override { return names[static_cast<std::size_t>(i)]; }
};

/// What resuming with `now` says of a state of `then`; empty: nothing.
std::string refusal(const NamedSet& then, const NamedSet& now) {
    const TemporaryFolder folder;
    lafs::SafetensorsWriter writer;
    lafs::save_fingerprint(writer, lafs::fingerprint(then));
    writer.save(folder / "state.safetensors");
    const auto file = lafs::SafetensorsFile::open(folder / "state.safetensors");
    return message_of([&] { lafs::check_fingerprint(file, lafs::fingerprint(now)); });
}

}  // namespace

TEST_CASE("a set's fingerprint is FNV-1a of names and labels", "[train]") {
    // In Python: h(data) = FNV-1a 64; h(h(b"a/1\0" + (0).to_bytes(8, "little") + ...).to_bytes(8, "little"))
    const auto print = lafs::fingerprint(NamedSet({"a/1", "b\xE9/2"}, {0, 1}, 2));
    CHECK(print.images == 2);
    CHECK(print.identities == 2);
    CHECK(print.names == "f7fbf8c02daaba99");
}

TEST_CASE("a state is refused for a set that has changed, with what differs", "[train]") {
    const NamedSet set({"a/1", "a/2", "b/1"}, {0, 0, 1}, 2);
    CHECK(refusal(set, set).empty());
    check_contains(refusal(set, NamedSet({"a/1", "a/2", "b/1", "b/2"}, {0, 0, 1, 1}, 2)),
                   "state.safetensors was saved for another training set (images: 3 then, 4 now)");
    check_contains(refusal(set, NamedSet({"a/1", "a/2"}, {0, 0}, 1)),
                   "(images: 3 then, 2 now; identities: 2 then, 1 now)");
    for (const NamedSet& other :
         {NamedSet({"a/1", "a/3", "b/1"}, {0, 0, 1}, 2), NamedSet({"a/1", "a/2", "b/1"}, {0, 1, 1}, 2),
          NamedSet({"a/2", "a/1", "b/1"}, {0, 0, 1}, 2), NamedSet({"a/1a", "/2", "b/1"}, {0, 0, 1}, 2)})
        check_contains(refusal(set, other), "as many images, but their names or labels are others");
}

TEST_CASE("large sets change their fingerprint with any name, on any number of threads", "[train]") {
    std::vector<std::string> names;
    for (int i = 0; i < 10'000; ++i)
        names.push_back(std::to_string(i));
    const std::vector<std::int64_t> labels(names.size(), 0);
    const auto print = lafs::fingerprint(NamedSet(names, labels, 1));
    lafs::set_threads(1);
    CHECK(lafs::fingerprint(NamedSet(names, labels, 1)) == print);
    for (const std::size_t i : {0, 4095, 4096, 9999}) {
        auto changed = names;
        changed[i] += "x";
        CHECK(lafs::fingerprint(NamedSet(changed, labels, 1)).names != print.names);
    }
}

TEST_CASE("states that tell nothing of their set pass, damaged ones do not", "[train]") {
    const TemporaryFolder folder;
    const NamedSet set({"a/1"}, {0}, 1);
    lafs::SafetensorsWriter plain;
    plain.save(folder / "old");
    lafs::check_fingerprint(lafs::SafetensorsFile::open(folder / "old"), lafs::fingerprint(set));
    for (const char* text : {"", "[]", "{}", "{\"images\":\"1\",\"identities\":1,\"names\":\"x\"}",
                             "{\"images\":1,\"identities\":1,\"names\":7}"}) {
        lafs::SafetensorsWriter writer;
        writer.metadata("set", text);
        writer.save(folder / "new");
        const auto file = lafs::SafetensorsFile::open(folder / "new");
        check_contains(message_of([&] { lafs::check_fingerprint(file, lafs::fingerprint(set)); }),
                       "is damaged");
    }
}
