#include <filesystem>
#include <lafs/data/ijb_lists.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::int64_t>;

const std::string points = " 1 2 3 4 5 6 7 8 9 10.5 0.75\n";

/// A set of four images, three templates, two galleries; each test breaks one thing.
struct Tree {
    lafs_test::TemporaryFolder folder;
    fs::path root = folder / "set", meta = root / "meta";

    Tree() {
        for (const char* name : {"1.jpg", "2.jpg", "3.jpg", "4.jpg"})
            lafs_test::write_text(root / "loose_crop" / name, "not opened");
        list("face_tid_mid.txt", "1.jpg 20 5\n2.jpg 10 7\n3.jpg 20 3\n4.jpg 30 1\n");
        list("name_5pts_score.txt",
             "4.jpg" + points + "1.jpg" + points + "3.jpg" + points + "2.jpg -1 2 3 4 5 6 7 8 9 10 -0.5\n");
        list("template_pair_label.txt", "10 20 1\n20 30 0\n10 10 1\n");
        list("1N_gallery_S1.csv", "TEMPLATE_ID,SUBJECT_ID\n10,1\n");
        list("1N_gallery_S2.csv", "TEMPLATE_ID,SUBJECT_ID,FILENAME\n20,2,img/1.jpg\n20,2,img/2.jpg\n");
        list("1N_probe_mixed.csv", "TEMPLATE_ID,SUBJECT_ID\n30,1\n");
    }
    void list(const std::string& name, const std::string& text) const {
        lafs_test::write_text(meta / ("ijbb_" + name), text);
    }
    lafs::IjbSet read() const { return lafs::read_ijb(root, "ijbb"); }

    void refused(const std::string& part) const {
        const std::string message = lafs_test::message_of([&] { read(); });
        INFO(message << " expected to contain " << part);
        CHECK(message.find(part) != std::string::npos);
    }
};

}  // namespace

TEST_CASE("the lists of a set fit together", "[data]") {
    const Tree tree;
    const lafs::IjbSet set = tree.read();
    REQUIRE(set.images.size() == 4);
    CHECK(set.images[0].file == "2.jpg");  // template 10, then 20: medium 3 before 5
    CHECK(set.images[1].file == "3.jpg");
    CHECK(set.images[2].file == "1.jpg");
    CHECK(set.images[2].medium == 5);
    CHECK(set.images[3].template_number == 30);
    CHECK(set.faces[0].score == -0.5);
    CHECK(set.faces[0].points[0].x == -1.0);
    CHECK(set.faces[1].points[4].y == 10.5);
    CHECK(set.path(0) == tree.root / "loose_crop" / "2.jpg");
    CHECK(set.pairs.first == Numbers{10, 20, 10});
    CHECK(set.pairs.second == Numbers{20, 30, 10});
    CHECK(set.pairs.same == std::vector<std::uint8_t>{1, 0, 1});
    REQUIRE(set.galleries.size() == 2);
    CHECK(set.galleries[0].name == "S1");
    CHECK(set.galleries[1].templates == Numbers{20});
    CHECK(set.galleries[1].subjects == Numbers{2});
    CHECK(set.probes.templates == Numbers{30});
}

TEST_CASE("Windows line ends, tabs and a folder of the set's name", "[data]") {
    const Tree tree;
    tree.list("face_tid_mid.txt", "1.jpg\t20\t5\r\n2.jpg 10 7\r\n\r\n3.jpg 20 3\r\n4.jpg 30 1\r\n");
    tree.list("1N_gallery_S1.csv", "\xEF\xBB\xBFTEMPLATE_ID,SUBJECT_ID\r\n10, 1\r\n");
    CHECK(tree.read().images.size() == 4);
    fs::create_directories(tree.folder / "release");
    fs::rename(tree.root, tree.folder / "release" / "IJBB");
    CHECK(lafs::read_ijb(tree.folder / "release", "ijbb").images.size() == 4);
}

TEST_CASE("1:N lists are optional, but not by halves", "[data]") {
    const Tree tree;
    fs::remove(tree.meta / "ijbb_1N_probe_mixed.csv");
    tree.refused("has galleries (ijbb_1N_gallery_*.csv) but no probes, expected \"ijbb_1N_probe_mixed.csv\"");
    fs::remove(tree.meta / "ijbb_1N_gallery_S1.csv");
    fs::remove(tree.meta / "ijbb_1N_gallery_S2.csv");
    CHECK(tree.read().galleries.empty());
    tree.list("1N_probe_mixed.csv", "t,s\n30,1\n");
    tree.refused("has probes (\"ijbb_1N_probe_mixed.csv\") but no galleries, expected ijbb_1N_gallery_*.csv");
}

TEST_CASE("an image may be in two templates, not twice in one", "[data]") {
    const Tree tree;
    tree.list("face_tid_mid.txt", "1.jpg 20 5\n2.jpg 10 7\n1.jpg 30 3\n");
    CHECK(tree.read().images.size() == 3);
    tree.list("face_tid_mid.txt", "1.jpg 20 5\n2.jpg 10 7\n1.jpg 20 3\n");
    tree.refused(
        "ijbb_face_tid_mid.txt line 3: the image \"1.jpg\" is repeated in template 20, first on line 1");
}

TEST_CASE("each bad line is named", "[data]") {
    const Tree tree;
    SECTION("images") {
        tree.list("face_tid_mid.txt", "");
        tree.refused("ijbb_face_tid_mid.txt is empty");
        tree.list("face_tid_mid.txt", "1.jpg 20\n");
        tree.refused("line 1: got 2 fields, expected `image template medium`");
        tree.list("face_tid_mid.txt", "1.jpg 20 5\n../2.jpg 10 7\n");
        tree.refused("line 2: got the image \"../2.jpg\", expected a plain file name");
        tree.list("face_tid_mid.txt", "1.jpg 99999999999999999999 5\n");
        tree.refused("line 1: got the template \"99999999999999999999\", expected a whole number");
        tree.list("face_tid_mid.txt", "1.jpg 20 5\n2.jpg 10 7\n9.jpg 30 1\n");
        tree.refused("ijbb_face_tid_mid.txt line 3: the image \"9.jpg\" has no points in ");
        tree.list("name_5pts_score.txt", "1.jpg" + points + "2.jpg" + points + "9.jpg" + points);
        tree.refused("line 3: the file \"" + (tree.root / "loose_crop" / "9.jpg").string() + "\" is missing");
    }
    SECTION("points") {
        tree.list("name_5pts_score.txt", "1.jpg" + points + "1.jpg" + points);
        tree.refused("ijbb_name_5pts_score.txt line 2: the image \"1.jpg\" is repeated");
        tree.list("name_5pts_score.txt", "1.jpg 1 2 3 4 5 6 7 8 9 10\n");
        tree.refused("line 1: got 11 fields, expected 12");
        tree.list("name_5pts_score.txt", "1.jpg 1 2 3 4 5 6 7 8 9 10 nan\n");
        tree.refused("line 1: got the score \"nan\", expected a finite number");
        tree.list("name_5pts_score.txt", "1.jpg 1 2 3 4 5 inf 7 8 9 10 1\n");
        tree.refused("line 1: got the coordinate \"inf\", expected a finite number");
        fs::remove(tree.meta / "ijbb_name_5pts_score.txt");
        tree.refused("ijbb_name_5pts_score.txt");
    }
    SECTION("pairs") {
        tree.list("template_pair_label.txt", "10 20 1\n10 99 0\n");
        tree.refused("ijbb_template_pair_label.txt line 2: template 99 has no images");
        tree.list("template_pair_label.txt", "10 20 1\n10 30 2\n");
        tree.refused("line 2: got the label \"2\", expected 0 (different) or 1 (same)");
        tree.list("template_pair_label.txt", "10 20 1 0\n");
        tree.refused("line 1: got 4 fields, expected `template template label`");
        tree.list("template_pair_label.txt", "10 20 1\n");
        tree.refused("has 1 genuine of 1 pairs, expected pairs of both kinds");
    }
    SECTION("galleries and probes") {
        tree.list("1N_gallery_S2.csv", "t,s\n20,2\n20,3\n");
        tree.refused("ijbb_1N_gallery_S2.csv line 3: template 20 shows subject 3, expected subject 2");
        tree.list("1N_gallery_S2.csv", "20,2\n");
        tree.refused("line 1: got \"20,2\", expected a header such as `template,subject`");
        tree.list("1N_gallery_S2.csv", "t,s\n");
        tree.refused("ijbb_1N_gallery_S2.csv has no templates");
        tree.list("1N_gallery_S2.csv", "t,s\n20\n");
        tree.refused("line 2: got 1 fields, expected `template,subject`");
        tree.list("1N_gallery_S2.csv", "t,s\n20,two\n");
        tree.refused("line 2: got the subject \"two\", expected a whole number");
        tree.list("1N_gallery_S2.csv", "t,s\n20,2\n");
        tree.list("1N_probe_mixed.csv", "t,s\n31,1\n");
        tree.refused("ijbb_1N_probe_mixed.csv line 2: template 31 has no images");
    }
    SECTION("folders") {
        const std::string message = lafs_test::message_of([&] { lafs::read_ijb(tree.meta, "ijbb"); });
        CHECK(message.find("expected a folder that holds the folders meta and loose_crop") !=
              std::string::npos);
        CHECK(lafs_test::message_of([&] { lafs::read_ijb(tree.root, "../x"); }).find("got the set") !=
              std::string::npos);
        CHECK(lafs_test::message_of([&] {
                  lafs::read_ijb(tree.root, "ijbc");
              }).find("ijbc_face_tid_mid.txt") != std::string::npos);
    }
}
