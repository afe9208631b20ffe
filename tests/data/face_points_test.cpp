#include <lafs/data/face_points.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs::FaceChoice;
using lafs::FivePoints;
using lafs_test::check_contains;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;

namespace {

std::vector<lafs::FacePoints> read(const TemporaryFolder& folder, const std::string& text) {
    write_text(folder / "points.txt", text);
    return lafs::read_face_points(folder / "points.txt");
}

/// The message for a list whose second line is `line`.
std::string refusal(const std::string& line) {
    const TemporaryFolder folder;
    return message_of([&] { read(folder, "a.jpg 1 2 3 4 5 6 7 8 9 10\n" + line + "\n"); });
}

FivePoints moved(double scale, double x, double y) {
    FivePoints points;
    for (std::size_t i = 0; i < points.size(); ++i)
        points[i] = lafs::Similarity{scale, 0, x, y}(lafs::face_template[i]);
    return points;
}

}  // namespace

TEST_CASE("lists of points in every form", "[data]") {
    const TemporaryFolder folder;
    const auto list = read(folder,
                           "ann/1.jpg 1 2 3.5 4 -5 6 7 8 9 1e1\r\n"
                           "\n"
                           "./bob//2.jpg  1 2 3 4 5 6 7 8 9 10 0.997\n"
                           "two words/a b.jpg\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\n");
    REQUIRE(list.size() == 3);
    CHECK(list[0].image == "ann/1.jpg");
    CHECK(list[0].points == FivePoints{{{1, 2}, {3.5, 4}, {-5, 6}, {7, 8}, {9, 10}}});
    CHECK(list[1].image == "bob/2.jpg");
    CHECK(list[1].line == 3);
    CHECK(list[2].image == "two words/a b.jpg");
    CHECK(list[2].points[4] == lafs::Point{9, 10});
}

TEST_CASE("lines that are no points are refused with their number", "[data]") {
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9"),
                   "points.txt line 2: got 10 fields, expected `image x1 y1");
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9 10 11 12"), "got 13 fields");
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9 ten"),
                   "got the coordinate \"ten\", expected a finite number");
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9 nan"), "expected a finite number");
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9 10 inf"), "got the score \"inf\"");
    check_contains(refusal("b.jpg 1 2 3 4 5 6 7 8 9 1000001"),
                   "got the coordinate \"1000001\", expected at most 1000000");
    const TemporaryFolder folder;
    check_contains(message_of([&] { read(folder, ""); }), "is empty");
    check_contains(message_of([&] { lafs::read_face_points(folder / "absent.txt"); }), "cannot open");
}

TEST_CASE("names that lead out of the folder are refused", "[data]") {
    for (const std::string name :
         {"../b.jpg", "a/../../b.jpg", "/etc/passwd", "a/..", "..", ".", "./", "/", "a/."})
        check_contains(refusal(name + " 1 2 3 4 5 6 7 8 9 10"), "line 2: got the image \"" + name + "\"");
    check_contains(refusal("b\x01.jpg 1 2 3 4 5 6 7 8 9 10"), "got the image \"b?.jpg\"");
    check_contains(refusal(std::string("b\0.jpg 1 2 3 4 5 6 7 8 9 10", 28)), "got the image \"b?.jpg\"");
    // Dots within a name lead nowhere.
    const TemporaryFolder folder;
    CHECK(read(folder, "..a/b..jpg 1 2 3 4 5 6 7 8 9 10\n")[0].image == "..a/b..jpg");
}

TEST_CASE("one of several faces is chosen", "[data]") {
    const std::vector<FivePoints> faces{moved(1, 200, 200), moved(0.5, 0, 0), moved(2, 800, 0)};
    CHECK(lafs::choose_face(faces, 500, 500, FaceChoice::largest) == 2);
    CHECK(lafs::choose_face(faces, 500, 500, FaceChoice::central) == 0);
    CHECK(lafs::choose_face(faces, 60, 60, FaceChoice::central) == 1);
    const std::vector<FivePoints> equal{moved(1, 0, 0), moved(1, 0, 0)};
    CHECK(lafs::choose_face(equal, 60, 60, FaceChoice::largest) == 0);
    CHECK_THROWS_AS(lafs::choose_face({}, 60, 60, FaceChoice::largest), lafs::Error);
    CHECK(lafs::parse_face_choice("central") == FaceChoice::central);
    CHECK(message_of([] { lafs::parse_face_choice("first"); }).find("expected largest or central") !=
          std::string::npos);
}

TEST_CASE("points lie in their image, with one pixel to spare", "[data]") {
    const FivePoints inside{{{-1, -1}, {640, 480}, {0, 479}, {639.5, 0}, {320, 240}}};
    lafs::check_points_inside(inside, 640, 480);
    for (const lafs::Point& outside : {lafs::Point{-1.01, 3}, {640.01, 3}, {3, -1.01}, {3, 480.01}}) {
        FivePoints points = inside;
        points[3] = outside;
        check_contains(message_of([&] { lafs::check_points_inside(points, 640, 480); }),
                       "lies outside the image of 640 x 480 pixels");
    }
}
