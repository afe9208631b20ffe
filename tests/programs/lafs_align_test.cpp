// lafs_align with lists of points: what it writes, and what it refuses to.
#include <algorithm>
#include <lafs/data/align_images.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_codec.hpp>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs::Image;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::count_entries, lafs_test::failure,
    lafs_test::read_text, lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text,
    lafs_test::operator+;

Image pattern(int width, int height, int seed) {
    Image image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(x * 3 + y * (5 + seed) + c * 40 + x * y / 7);
    return image;
}

/// 112 x 112 pixels of an image from (left, top) on.
Image cut(const Image& image, int left, int top) {
    Image result(112, 112);
    for (int y = 0; y < 112; ++y)
        std::copy_n(image.at(left, top + y), 3 * 112, result.at(0, y));
    return result;
}

/// The line of a face whose aligned image is what `cut` gives for a scale of 1.
std::string line(const std::string& name, double left, double top, double scale = 1) {
    std::string text = name;
    for (const lafs::Point& p : lafs::face_template)
        text += " " + std::to_string(p.x * scale + left) + " " + std::to_string(p.y * scale + top);
    return text + "\n";
}

/// Three photographs in two folders.
struct Photographs {
    TemporaryFolder folder;
    fs::path root = folder / "photos", out = folder / "out", list = folder / "points.txt";
    Image ann1 = pattern(200, 180, 1), ann2 = pattern(160, 130, 2), bob = pattern(150, 220, 3);

    Photographs() {
        fs::create_directories(root / "ann");
        fs::create_directories(root / "b ob");
        lafs::save_image(root / "ann/1.png", ann1);
        lafs::save_image(root / "ann/2.png", ann2);
        lafs::save_image(root / "b ob/x.y.png", bob);
    }

    void points(const std::string& text) const { write_text(list, text); }
    Arguments align() const { return {"--root", root, "--out", out, "--points", list}; }
};

/// What the program says of photographs one of which is damaged.
std::string failure_of(const Photographs& photos) {
    const auto result = run_program("lafs_align", photos.align() + Arguments{"--force"});
    CHECK(result.exit_code == 1);
    check_contains(result.output, "1 damaged");
    return result.errors;
}

}  // namespace

TEST_CASE("a list of points becomes aligned faces under the same names", "[programs]") {
    const Photographs photos;
    std::string tabbed = line("", 38, 100), scored = line("ann/2.png", 40, 10);
    std::replace(tabbed.begin(), tabbed.end(), ' ', '\t');
    scored.insert(scored.size() - 1, " 0.9");
    photos.points(line("./ann/1.png", 30, 20) + scored + "b ob/x.y.png" + tabbed);
    const auto result = run_program("lafs_align", photos.align());
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(result.output ==
          "3 images: 3 aligned (0 with several faces), 0 kept, 0 without a face, 0 damaged\n");
    CHECK(result.errors.empty());
    CHECK(lafs::load_image(photos.out / "ann/1.png") == cut(photos.ann1, 30, 20));
    CHECK(lafs::load_image(photos.out / "ann/2.png") == cut(photos.ann2, 40, 10));
    CHECK(lafs::load_image(photos.out / "b ob/x.y.png") == cut(photos.bob, 38, 100));
    CHECK(count_entries(photos.out) == 2);

    // Any number of threads gives the same files; JPEG of a lower quality is smaller.
    const fs::path one = photos.folder / "one";
    REQUIRE(run_program("lafs_align", photos.align() + Arguments{"--out", one, "--threads", "1"}).exit_code ==
            0);
    CHECK(read_text(one / "ann/1.png") == read_text(photos.out / "ann/1.png"));
    const fs::path good = photos.folder / "good", bad = photos.folder / "bad";
    REQUIRE(
        run_program("lafs_align", photos.align() + Arguments{"--out", good, "--format", "jpg"}).exit_code ==
        0);
    REQUIRE(run_program("lafs_align",
                        photos.align() + Arguments{"--out", bad, "--format", "jpg", "--quality", "20"})
                .exit_code == 0);
    CHECK(fs::file_size(bad / "b ob/x.y.jpg") < fs::file_size(good / "b ob/x.y.jpg"));
    const Image jpeg = lafs::load_image(good / "ann/1.jpg");
    CHECK((jpeg.width == 112 && jpeg.height == 112));
}

TEST_CASE("one of several faces is aligned", "[programs]") {
    const Photographs photos;
    photos.points(line("ann/1.png", 44, 34) + line("ann/1.png", -40, -50, 1.8) + line("ann/1.png", 0, 0));
    const auto central = run_program("lafs_align", photos.align() + Arguments{"--choose", "central"});
    REQUIRE(central.exit_code == 0);
    check_contains(central.output, "1 images: 1 aligned (1 with several faces)");
    CHECK(lafs::load_image(photos.out / "ann/1.png") == cut(photos.ann1, 44, 34));
    REQUIRE(run_program("lafs_align", photos.align() + Arguments{"--force"}).exit_code == 0);
    CHECK(lafs::load_image(photos.out / "ann/1.png") != cut(photos.ann1, 44, 34));
    check_contains(run_program("lafs_align", photos.align() + Arguments{"--choose", "first"}).errors,
                   "--choose");
}

TEST_CASE("aligned faces are not replaced unasked", "[programs]") {
    const Photographs photos;
    photos.points(line("ann/1.png", 30, 20));
    REQUIRE(run_program("lafs_align", photos.align()).exit_code == 0);
    const std::string before = read_text(photos.out / "ann/1.png");
    photos.points(line("ann/2.png", 0, 0) + line("ann/1.png", 10, 10));
    check_contains(failure("lafs_align", photos.align()), "ann/1.png\" is there already");
    CHECK(read_text(photos.out / "ann/1.png") == before);
    CHECK_FALSE(fs::exists(photos.out / "ann/2.png"));  // nothing is begun

    const auto resumed = run_program("lafs_align", photos.align() + Arguments{"--resume"});
    check_contains(resumed.output, "2 images: 1 aligned (0 with several faces), 1 kept");
    CHECK(read_text(photos.out / "ann/1.png") == before);
    REQUIRE(run_program("lafs_align", photos.align() + Arguments{"--force"}).exit_code == 0);
    CHECK(lafs::load_image(photos.out / "ann/1.png") == cut(photos.ann1, 10, 10));
    check_contains(run_program("lafs_align", photos.align() + Arguments{"--force", "--resume"}).errors,
                   "--force");
}

TEST_CASE("damaged and missing photographs are named, and the others go on", "[programs]") {
    const Photographs photos;
    write_text(photos.root / "ann/2.png", "these are not pixels");
    photos.points(line("ann/2.png", 0, 0) + line("cy/0.jpg", 0, 0) + "b\tob 1 1 1 1 1 1 1 1 1 1\n");
    check_contains(failure("lafs_align", photos.align()), "points.txt line 3: got 2 fields");
    photos.points(line("ann/2.png", 0, 0) + line("cy/0.jpg", 0, 0) + line("ann/1.png", 7, 7, 0) +
                  line("ann/1b.png", 30, 20));
    fs::copy_file(photos.root / "ann/1.png", photos.root / "ann/1b.png");
    const auto result = run_program("lafs_align", photos.align());
    CHECK(result.exit_code == 1);
    check_contains(result.errors, "ann/2.png: [decode image] image " + (photos.root / "ann/2.png").string());
    check_contains(result.errors, "cy/0.jpg: [read file] cannot open");
    check_contains(result.errors, "ann/1.png: [similarity] all points lie at 7, 7");
    check_contains(result.output,
                   "4 images: 1 aligned (0 with several faces), 0 kept, 0 without a face, 3 damaged");
    CHECK(lafs::load_image(photos.out / "ann/1b.png") == cut(photos.ann1, 30, 20));
    CHECK(count_entries(photos.out / "ann") == 1);
    CHECK(run_program("lafs_align", photos.align() + Arguments{"--force", "--skip-damaged"}).exit_code == 0);
}

TEST_CASE("points outside the photograph are damage, named", "[programs]") {
    const Photographs photos;  // ann/2.png is 160 x 130
    // The template reaches from 38.3 to 73.5 across and from 51.5 to 92.4 down; one pixel is allowed.
    for (const auto& [left, top] :
         {std::pair{88.0, 0.0}, {-39.5, 0.0}, {0.0, 39.0}, {0.0, -53.0}, {1000.0, 1000.0}}) {
        photos.points(line("ann/1.png", 30, 20) + line("ann/2.png", left, top));
        check_contains(failure_of(photos), "ann/2.png: [face points] the point ");
    }
    photos.points(line("ann/2.png", 80, 20, 2));  // a list for the photograph at twice the size
    check_contains(failure_of(photos), "lies outside the image of 160 x 130 pixels");
    photos.points(line("ann/2.png", 160 - 73.54, 0));  // the right eye on the edge
    CHECK(run_program("lafs_align", photos.align() + Arguments{"--force"}).exit_code == 0);
}

TEST_CASE("one bad file never ends the whole run", "[programs]") {
    const Photographs photos;
    fs::create_directories(photos.root / "x.png");  // its photographs go into a folder of this name
    lafs::save_image(photos.root / "x.png/1.png", photos.bob);
    fs::copy_file(photos.root / "ann/1.png", photos.root / "x.jpg");  // and this would be a file of this name
    lafs::save_image(photos.root / "ann/tab\there.png", photos.bob);
    fs::create_symlink("nowhere", photos.root / "ann/lost.jpg");
    const std::string longest(251, 'n');
    fs::copy_file(photos.root / "ann/1.png", photos.root / (longest + ".jpg"));
    std::string list;
    for (const std::string& name : {std::string("ann/1.png"), std::string("ann/lost.jpg"),
                                    std::string("x.png/1.png"), std::string("x.jpg"), longest + ".jpg"})
        list += line(name, 20, 20);
    photos.points(list);
    const auto result = run_program("lafs_align", photos.align());
    CHECK(result.exit_code == 1);
    check_contains(result.output,
                   "5 images: 3 aligned (0 with several faces), 0 kept, 0 without a face, 2 damaged");
    check_contains(result.errors, "ann/lost.jpg: [read file] cannot open");
    check_contains(result.errors, "x.jpg: [align] its result would have the name of a folder, x.png");
    CHECK(fs::exists(photos.out / (longest + ".png")));
    // The folder itself: any name, and what leads nowhere is not passed over in silence.
    const auto items = lafs::images_below(photos.root);
    CHECK(items.size() == 8);
    for (const char* name : {"ann/tab\there.png", "ann/lost.jpg"})
        CHECK(std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.name == name; }));
}

TEST_CASE("aligned faces do not mix with other files", "[programs]") {
    const Photographs photos;
    write_text(photos.out / "others" / "1.png", "of another run");
    photos.points(line("ann/1.png", 30, 20));
    check_contains(failure("lafs_align", photos.align()), "exists already and is not empty");
    CHECK(count_entries(photos.out) == 1);
    CHECK(run_program("lafs_align", photos.align() + Arguments{"--resume"}).exit_code == 0);
}

TEST_CASE("nothing is written outside the output folder", "[programs]") {
    const Photographs photos;
    for (const std::string name : {"../photos/ann/1.png", "/etc/hostname", "ann/../../escaped.png"}) {
        photos.points(line(name, 0, 0));
        check_contains(failure("lafs_align", photos.align()), "line 1: got the image \"" + name + "\"");
    }
    // A folder of the output that leads elsewhere.
    fs::create_directories(photos.out);
    fs::create_directories(photos.folder / "elsewhere");
    fs::create_directory_symlink(photos.folder / "elsewhere", photos.out / "ann");
    photos.points(line("ann/1.png", 0, 0));
    const Arguments forced = photos.align() + Arguments{"--force"};
    check_contains(failure("lafs_align", forced), "expected a place inside the output folder");
    CHECK(fs::is_empty(photos.folder / "elsewhere"));
    // A file of the output that leads elsewhere.
    fs::remove(photos.out / "ann");
    fs::create_directories(photos.out / "ann");
    write_text(photos.folder / "elsewhere.png", "mine");
    fs::create_symlink(photos.folder / "elsewhere.png", photos.out / "ann/1.png");
    check_contains(failure("lafs_align", forced), "expected a place inside the output folder");
    CHECK(read_text(photos.folder / "elsewhere.png") == "mine");
    // Originals are not mixed with aligned faces.
    for (const fs::path& out : {photos.root, photos.root / "aligned", photos.root / "ann" / ".." / "x"})
        check_contains(failure("lafs_align", photos.align() + Arguments{"--out", out}),
                       "lies in the folder of the images");
    CHECK(count_entries(photos.root) == 2);
}

TEST_CASE("two photographs never become one file", "[programs]") {
    const Photographs photos;
    fs::copy_file(photos.root / "ann/1.png", photos.root / "ann/1.jpeg");
    photos.points(line("ann/1.png", 0, 0) + line("ann/1.jpeg", 0, 0));
    const std::string error = failure("lafs_align", photos.align());
    check_contains(error, "the images ann/1.png and ann/1.jpeg would both become ann/1.png");
    CHECK_FALSE(fs::exists(photos.out));
}

TEST_CASE("a full disk ends the run", "[programs]") {
    const Photographs photos;
    photos.points(line("ann/1.png", 0, 0));
    check_contains(failure("lafs_align", photos.align(), 1000), "cannot write");
    CHECK_FALSE(fs::exists(photos.out / "ann/1.png"));
}

TEST_CASE("what lafs_align needs is explained", "[programs]") {
    const Photographs photos;
    const Arguments folders{"--root", photos.root, "--out", photos.out};
    check_contains(failure("lafs_align", folders),
                   "neither a list of points (--points) nor a detector's model");
    const std::string missing =
        failure("lafs_align", folders + Arguments{"--detector", photos.folder / "m.onnx"});
    if (missing.find("built without OpenCV") == std::string::npos)
        check_contains(missing, "m.onnx\", expected an .onnx file");
    check_contains(run_program("lafs_align", photos.align() + Arguments{"--detector", "m.onnx"}).errors,
                   "--detector");
    check_contains(failure("lafs_align", folders + Arguments{"--points", photos.folder / "absent.txt"}),
                   "absent.txt");
    CHECK(run_program("lafs_align", {"--root", photos.root}).exit_code != 0);
    check_contains(run_program("lafs_align", {"--help"}).output, "aligned faces of 112 x 112 pixels");
}
