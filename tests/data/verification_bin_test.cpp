#include <lafs/data/pairs.hpp>
#include <lafs/data/verification_bin.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"
#include "zip_bytes.hpp"

using lafs::VerificationBin;
using lafs_test::little;
using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;

namespace {

std::string unhex(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::vector<std::string> images = {
    "\xff\xd8"
    "first",
    std::string("second\0", 7), "\x89PNG", ""};

struct Written {
    const char* form;
    const char* hex;
};

/// The four images and the labels 1, 0, as Python 3.11 with NumPy 2.4 wrote them.
const Written written_by_python[] = {
    {"bytes, protocol 0",
     "28286c70300a635f636f646563730a656e636f64650a70310a2856ffd866697273740a70320a566c6174696e"
     "310a70330a7470340a5270350a6167310a28567365636f6e645c75303030300a70360a67330a7470370a5270"
     "380a6167310a285689504e470a70390a67330a747031300a527031310a61635f5f6275696c74696e5f5f0a62"
     "797465730a7031320a2874527031330a61286c7031340a4930310a614930300a61747031350a2e"},
    {"bytes, protocol 1",
     "285d710028635f636f646563730a656e636f64650a7101285809000000c3bfc3986669727374710258060000"
     "006c6174696e31710374710452710568012858070000007365636f6e64007106680374710752710868012858"
     "05000000c289504e477109680374710a52710b635f5f6275696c74696e5f5f0a62797465730a710c2952710d"
     "655d710e284930310a4930300a6574710f2e"},
    {"bytes, protocol 2",
     "80025d710028635f636f646563730a656e636f64650a71015809000000c3bfc3986669727374710258060000"
     "006c6174696e317103867104527105680158070000007365636f6e6400710668038671075271086801580500"
     "0000c289504e477109680386710a52710b635f5f6275696c74696e5f5f0a62797465730a710c2952710d655d"
     "710e2888896586710f2e"},
    {"bytes, protocol 3",
     "80035d7100284307ffd86669727374710143077365636f6e64007102430489504e47710343007104655d7105"
     "288889658671062e"},
    {"bytes, protocol 4",
     "8004952b000000000000005d94284307ffd866697273749443077365636f6e640094430489504e4794430094"
     "655d942888896586942e"},
    {"bytes, protocol 5",
     "8005952b000000000000005d94284307ffd866697273749443077365636f6e640094430489504e4794430094"
     "655d942888896586942e"},
    {"NumPy arrays, protocol 2",
     "80025d7100285d710128636e756d70792e5f636f72652e6d756c746961727261790a5f7265636f6e73747275"
     "63740a7102636e756d70790a6e6461727261790a71034b00857104635f636f646563730a656e636f64650a71"
     "05580100000062710658060000006c6174696e31710786710852710987710a52710b284b014b0785710c636e"
     "756d70790a64747970650a710d58020000007531710e898887710f527110284b0358010000007c71114e4e4e"
     "4affffffff4affffffff4b00747112628968055809000000c3bfc39866697273747113680786711452711574"
     "711662680268034b008571176809877118527119284b014b0785711a681089680558070000007365636f6e64"
     "00711b680786711c52711d74711e62680268034b0085711f6809877120527121284b014b0485712268108968"
     "055805000000c289504e477123680786712452712574712662680268034b008571276809877128527129284b"
     "014b0085712a681089635f5f6275696c74696e5f5f0a62797465730a712b2952712c74712d62655d712e2863"
     "6e756d70792e5f636f72652e6d756c746961727261790a7363616c61720a712f680d58020000006231713089"
     "88877131527132284b0368114e4e4e4affffffff4affffffff4b007471336268055801000000017134680786"
     "7135527136867137527138682f683268055801000000007139680786713a52713b86713c52713d65652e"},
    {"NumPy arrays, protocol 3",
     "80035d7100285d710128636e756d70792e5f636f72652e6d756c746961727261790a5f7265636f6e73747275"
     "63740a7102636e756d70790a6e6461727261790a71034b008571044301627105877106527107284b014b0785"
     "7108636e756d70790a64747970650a710958020000007531710a898887710b52710c284b0358010000007c71"
     "0d4e4e4e4affffffff4affffffff4b0074710e62894307ffd86669727374710f74711062680268034b008571"
     "116805877112527113284b014b07857114680c8943077365636f6e6400711574711662680268034b00857117"
     "6805877118527119284b014b0485711a680c89430489504e47711b74711c62680268034b0085711d68058771"
     "1e52711f284b014b00857120680c894300712174712262655d712328636e756d70792e5f636f72652e6d756c"
     "746961727261790a7363616c61720a712468095802000000623171258988877126527127284b03680d4e4e4e"
     "4affffffff4affffffff4b0074712862430101712986712a52712b68246827430100712c86712d52712e6565"
     "2e"},
    {"NumPy arrays, protocol 4",
     "80049546010000000000005d94285d94288c166e756d70792e5f636f72652e6d756c74696172726179948c0c"
     "5f7265636f6e7374727563749493948c056e756d7079948c076e6461727261799493944b0085944301629487"
     "945294284b014b07859468058c0564747970659493948c02753194898887945294284b038c017c944e4e4e4a"
     "ffffffff4affffffff4b00749462894307ffd8666972737494749462680468074b008594680987945294284b"
     "014b07859468118943077365636f6e640094749462680468074b008594680987945294284b014b0485946811"
     "89430489504e4794749462680468074b008594680987945294284b014b008594681189430094749462655d94"
     "2868028c067363616c6172949394680e8c02623194898887945294284b0368124e4e4e4affffffff4affffff"
     "ff4b007494624301019486945294682a682d430100948694529465652e"},
    {"NumPy arrays, protocol 5",
     "8005951d010000000000005d94285d94288c136e756d70792e5f636f72652e6e756d65726963948c0b5f6672"
     "6f6d627566666572949394284307ffd86669727374948c056e756d7079948c0564747970659493948c027531"
     "94898887945294284b038c017c944e4e4e4affffffff4affffffff4b007494624b0785948c01439474945294"
     "68042843077365636f6e640094680b4b078594680f74945294680428430489504e4794680b4b048594680f74"
     "945294680428430094680b4b008594680f74945294655d94288c166e756d70792e5f636f72652e6d756c7469"
     "6172726179948c067363616c617294939468088c02623194898887945294284b03680c4e4e4e4affffffff4a"
     "ffffffff4b00749462430101948694529468216824430100948694529465652e"},
    {"NumPy columns, labels an array, protocol 2",
     "800228636e756d70792e5f636f72652e6d756c746961727261790a5f7265636f6e7374727563740a7100636e"
     "756d70790a6e6461727261790a71014b00857102635f636f646563730a656e636f64650a7103580100000062"
     "710458060000006c6174696e317105867106527107877108527109284b014b074b0186710a636e756d70790a"
     "64747970650a710b58020000007531710c898887710d52710e284b0358010000007c710f4e4e4e4affffffff"
     "4affffffff4b00747110628968035809000000c3bfc398666972737471116805867112527113747114626800"
     "68014b008571156807877116527117284b014b074b01867118680e89680358070000007365636f6e64007119"
     "680586711a52711b74711c62680068014b0085711d680787711e52711f284b014b044b01867120680e896803"
     "5805000000c289504e477121680586712252712374712462680068014b008571256807877126527127284b01"
     "4b004b01867128680e89635f5f6275696c74696e5f5f0a62797465730a71292952712a74712b6274712c6800"
     "68014b0085712d680787712e52712f284b014b02857130680b5802000000623171318988877132527133284b"
     "03680f4e4e4e4affffffff4affffffff4b007471346289680358020000000100713568058671365271377471"
     "38628671392e"},
    {"NumPy columns, labels an array, protocol 3",
     "800328636e756d70792e5f636f72652e6d756c746961727261790a5f7265636f6e7374727563740a7100636e"
     "756d70790a6e6461727261790a71014b008571024301627103877104527105284b014b074b01867106636e75"
     "6d70790a64747970650a7107580200000075317108898887710952710a284b0358010000007c710b4e4e4e4a"
     "ffffffff4affffffff4b0074710c62894307ffd86669727374710d74710e62680068014b0085710f68038771"
     "10527111284b014b074b01867112680a8943077365636f6e6400711374711462680068014b00857115680387"
     "7116527117284b014b044b01867118680a89430489504e47711974711a62680068014b0085711b680387711c"
     "52711d284b014b004b0186711e680a894300711f74712062747121680068014b008571226803877123527124"
     "284b014b0285712568075802000000623171268988877127527128284b03680b4e4e4e4affffffff4affffff"
     "ff4b00747129628943020100712a74712b6286712c2e"},
    {"NumPy columns, labels an array, protocol 4",
     "8004954401000000000000288c166e756d70792e5f636f72652e6d756c74696172726179948c0c5f7265636f"
     "6e7374727563749493948c056e756d7079948c076e6461727261799493944b0085944301629487945294284b"
     "014b074b01869468038c0564747970659493948c02753194898887945294284b038c017c944e4e4e4affffff"
     "ff4affffffff4b00749462894307ffd8666972737494749462680268054b008594680787945294284b014b07"
     "4b018694680f8943077365636f6e640094749462680268054b008594680787945294284b014b044b01869468"
     "0f89430489504e4794749462680268054b008594680787945294284b014b004b018694680f89430094749462"
     "7494680268054b008594680787945294284b014b028594680c8c02623194898887945294284b0368104e4e4e"
     "4affffffff4affffffff4b0074946289430201009474946286942e"},
    {"NumPy columns, labels an array, protocol 5",
     "8005951b01000000000000288c136e756d70792e5f636f72652e6e756d65726963948c0b5f66726f6d627566"
     "66657294939428960700000000000000ffd86669727374948c056e756d7079948c0564747970659493948c02"
     "753194898887945294284b038c017c944e4e4e4affffffff4affffffff4b007494624b074b0186948c014394"
     "749452946802289607000000000000007365636f6e64009468094b074b018694680d74945294680228960400"
     "00000000000089504e479468094b044b018694680d749452946802289600000000000000009468094b004b01"
     "8694680d74945294749468022896020000000000000001009468068c02623194898887945294284b03680a4e"
     "4e4e4affffffff4affffffff4b007494624b028594680d7494529486942e"},
    {"arrays of Python values",
     "800495cb000000000000008c166e756d70792e5f636f72652e6d756c74696172726179948c0c5f7265636f6e"
     "7374727563749493948c056e756d7079948c076e6461727261799493944b0085944301629487945294284b01"
     "4b04859468038c0564747970659493948c024f3894898887945294284b038c017c944e4e4e4affffffff4aff"
     "ffffff4b3f749462895d94284307ffd866697273749443077365636f6e640094430489504e47944300946574"
     "9462680268054b008594680787945294284b014b028594680f895d942888896574946286942e"},
    {"bytearrays and numbers",
     "80059549000000000000005d9428960700000000000000ffd86669727374949607000000000000007365636f"
     "6e64009496040000000000000089504e479496000000000000000094655d94284b014b006586942e"},
    {"bytearrays and numbers, protocol 2",
     "80025d710028635f5f6275696c74696e5f5f0a6279746561727261790a7101635f636f646563730a656e636f"
     "64650a71025809000000c3bfc3986669727374710358060000006c6174696e31710486710552710685710752"
     "71086801680258070000007365636f6e64007109680486710a52710b85710c52710d680168025805000000c2"
     "89504e47710e680486710f527110857111527112680129527113654b014b008671148671152e"},
    {"bytearrays, protocol 4",
     "80049556000000000000005d94288c086275696c74696e73948c096279746561727261799493944307ffd866"
     "697273749485945294680343077365636f6e640094859452946803430489504e479485945294680329529465"
     "4b014b00869486942e"},
    {"labels int64",
     "80035d7100284307ffd86669727374710143077365636f6e64007102430489504e4771034300710465636e75"
     "6d70792e5f636f72652e6d756c746961727261790a5f7265636f6e7374727563740a7105636e756d70790a6e"
     "6461727261790a71064b00857107430162710887710952710a284b014b0285710b636e756d70790a64747970"
     "650a710c58020000006938710d898887710e52710f284b0358010000003c71104e4e4e4affffffff4affffff"
     "ff4b0074711162894310010000000000000000000000000000007112747113628671142e"},
    {"labels big-endian int32",
     "80035d7100284307ffd86669727374710143077365636f6e64007102430489504e4771034300710465636e75"
     "6d70792e5f636f72652e6d756c746961727261790a5f7265636f6e7374727563740a7105636e756d70790a6e"
     "6461727261790a71064b00857107430162710887710952710a284b014b0285710b636e756d70790a64747970"
     "650a710c58020000006934710d898887710e52710f284b0358010000003e71104e4e4e4affffffff4affffff"
     "ff4b007471116289430800000001000000007112747113628671142e"},
    {"labels NumPy uint8",
     "80049597000000000000005d94284307ffd866697273749443077365636f6e640094430489504e4794430094"
     "655d94288c166e756d70792e5f636f72652e6d756c74696172726179948c067363616c61729493948c056e75"
     "6d7079948c0564747970659493948c02753194898887945294284b038c017c944e4e4e4affffffff4affffff"
     "ff4b0074946243010194869452946808680e43010094869452946586942e"}};

struct OneFile {
    TemporaryFolder folder;
    std::filesystem::path path = folder / "x.bin";

    VerificationBin open(const std::string& bytes) const {
        write_text(path, bytes);
        return VerificationBin::open(path);
    }
    void refused(const std::string& bytes, const std::string& expected) const {
        const std::string message = message_of([&] { open(bytes); });
        INFO(message);
        CHECK(mentions(message, "x.bin"));
        CHECK(mentions(message, expected));
    }
};

void check_content(const VerificationBin& bin) {
    REQUIRE(bin.images() == 4);
    REQUIRE(bin.pairs() == 2);
    CHECK(bin.same(0));
    CHECK(!bin.same(1));
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(text_of(bin.encoded(i)) == images[i]);
        CHECK(bin.first_copy(i) == i);
    }
}

/// Replaces every occurrence.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

}  // namespace

TEST_CASE("verification sets are read in every form", "[data]") {
    const OneFile file;
    for (const Written& written : written_by_python) {
        INFO(written.form);
        check_content(file.open(unhex(written.hex)));
    }
    // NumPy before version 2 calls its modules otherwise.
    int older = 0;
    for (const Written& written : written_by_python) {
        const std::string bytes = unhex(written.hex);
        if (const std::string before = replaced(bytes, "cnumpy._core.", "cnumpy.core."); before != bytes) {
            INFO(written.form << " of NumPy 1");
            check_content(file.open(before));
            ++older;
        }
    }
    CHECK(older >= 4);
    // Python 2 strings, protocols 2 and 0, as cPickle wrote them.
    const std::string strings =
        "U\7" + images[0] + "U\7" + images[1] + "U\4" + images[2] + std::string("U\0", 2);
    check_content(file.open("\x80\x02](" + strings +
                            "e](\x88\x89"
                            "e\x86q\1."));
    check_content(
        file.open("((lp1\nS'\\xff\\xd8first'\np2\naS'second\\x00'\np3\naS'\\x89PNG'\np4\naS''\na"
                  "(lp5\nI01\naI00\natp6\n."));
}

TEST_CASE("an image held by several pairs is stored once", "[data]") {
    const OneFile file;
    const auto read = file.open("](B" + little(2, 4) +
                                "abq\1"
                                "h\1h\1U\2ab"
                                "e](\x89\x88"
                                "e\x86.");
    REQUIRE(read.images() == 4);
    CHECK(read.first_copy(1) == 0);
    CHECK(read.first_copy(2) == 0);
    CHECK(read.first_copy(3) == 3);
    CHECK(read.encoded(2).data() == read.encoded(0).data());
    // Text for bytes, as Python 3 writes them at protocol 2, is decoded once.
    const auto encoded = file.open("](c_codecs\nencode\nq\1X" + little(2, 4) + "\xc3\xbfq\2X" + little(6, 4) +
                                   "latin1q\3\x86R"
                                   "h\1h\2h\3\x86Re](\x89"
                                   "e\x86.");
    CHECK(text_of(encoded.encoded(1)) == "\xff");
    CHECK(encoded.encoded(1).data() == encoded.encoded(0).data());
}

TEST_CASE("a written set has the bytes of the format and reads again", "[data]") {
    const TemporaryFolder folder;
    const std::string a = "abc", b = "d";
    const auto view = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    const std::vector<std::span<const std::byte>> images = {view(a), view(b), view(b), view(a)};
    lafs::write_verification_bin(folder / "y.bin", images, std::vector<std::uint8_t>{1, 0});
    // Python 3.11: pickle.loads gives ([b"abc", b"d", b"d", b"abc"], [True, False]).
    CHECK(lafs_test::read_text(folder / "y.bin") == "\x80\x04](B" + little(3, 4) +
                                                        "abc\x94"
                                                        "B" +
                                                        little(1, 4) + "d\x94j" + little(1, 4) + "j" +
                                                        little(0, 4) +
                                                        "e](\x88\x89"
                                                        "e\x86.");
    const auto read = VerificationBin::open(folder / "y.bin");
    CHECK(text_of(read.encoded(3)) == "abc");
    CHECK(read.first_copy(2) == 1);
    CHECK(read.same(0));
    CHECK(!read.same(1));
    CHECK(read.path() == folder / "y.bin");
    lafs::write_verification_bin(folder / "y.bin", {}, {});
    CHECK(VerificationBin::open(folder / "y.bin").pairs() == 0);
    CHECK(mentions(message_of([&] {
                       lafs::write_verification_bin(folder / "z.bin", images, std::vector<std::uint8_t>{1});
                   }),
                   "got 4 images and 1 labels"));
    CHECK(!std::filesystem::exists(folder / "z.bin"));
}

TEST_CASE("images of a set are decoded, and damaged ones named", "[data]") {
    const TemporaryFolder folder;
    lafs::Image face(9, 7);
    for (std::size_t i = 0; i < face.pixels.size(); ++i)
        face.pixels[i] = static_cast<std::uint8_t>(i);
    const std::vector<std::byte> png = lafs::encode_png(face);
    const std::vector<std::span<const std::byte>> images = {png, std::span(png).first(40)};
    lafs::write_verification_bin(folder / "y.bin", images, std::vector<std::uint8_t>{1});
    const auto read = VerificationBin::open(folder / "y.bin");
    CHECK(read.image(0) == face);
    const std::string message = message_of([&] { read.image(1); });
    CHECK(mentions(message, "image 1 of "));
    CHECK(mentions(message, "y.bin"));
    CHECK(mentions(message_of([&] { read.image(2); }), "got image 2 of"));
    CHECK(mentions(message_of([&] { read.same(1); }), "got pair 1 of"));
}

TEST_CASE("hostile verification sets end in a message", "[data]") {
    const OneFile file;
    const std::string array = "cnumpy.core.multiarray\n_reconstruct\n)R";
    const std::string dtype = "cnumpy\ndtype\nU\2u1\x85R";
    const std::string two_images = "](U\1aU\1be", label =
                                                      "]\x88"
                                                      "a";
    file.refused("", "at byte 0: got 0 bytes, expected a pickle");
    file.refused("not a pickle", "at byte 0 (0x6e)");
    file.refused("N.", "got None, expected (bins, issame)");
    file.refused("]" + two_images + "a.", "got a list of 1, expected (bins, issame)");
    file.refused("}" + label + "\x86.", "got a dict of 0, expected a list");
    file.refused("U\1a" + label + "\x86.", "got 1 bytes, expected a list");
    file.refused("](U\1ae" + label + "\x86.",
                 "has 1 images and 1 labels, expected two images for each label");
    file.refused(two_images + "]\x86.", "has 2 images and 0 labels");
    file.refused("](U\1aNe" + label + "\x86.",
                 "at byte 5: image 1 is None, expected bytes or an array of u1");
    file.refused("](U\1aX" + little(1, 4) + "be" + label + "\x86.", "image 1 is the text \"b\"");
    file.refused(two_images + "]K\2a\x86.", "label 0 is 2, expected 0 or 1");
    file.refused(two_images + "]Na\x86.", "got None, expected an integer");
    file.refused(two_images + "]cos\nsystem\nU\6reboot\x85Ra\x86.", "got an object of os.system");
    file.refused("](cos\nsystem\nU\6reboot\x85RU\1be" + label + "\x86.", "image 0 is an object of os.system");
    // Malformed arrays.
    const auto image = [&](const std::string& bytes) { return "](" + bytes + "U\1be" + label + "\x86."; };
    const auto with_state = [&](const std::string& shape, const std::string& type, const std::string& data) {
        return image(array + "(K\1" + shape + type + "\x89" + data + "tb");
    };
    file.refused(image(array), "the array was given no content");
    file.refused(image(array + ")b"), "got a tuple of 0, expected more than");
    file.refused(with_state("K\1\x85", dtype, "N"), "got None, expected the bytes of an array");
    file.refused(with_state("K\1\x85", "N", "U\1a"), "got None, expected numpy.dtype");
    file.refused(with_state("K\2\x85", dtype, "U\1a"), "image 0 is an array of 2 with 1 bytes");
    file.refused(with_state("K\2K\2K\3\x87", dtype,
                            "U\x0c"
                            "abcdefghijkl"),
                 "with 3 axes, which seem to be pixels");
    file.refused(with_state("K\1\x85", "cnumpy\ndtype\nU\2f4\x85R", "U\4aaaa"),
                 "of type f4, expected bytes or");
    file.refused(with_state("K\1\x85", "cnumpy\ndtype\nU\1O\x85R", "]U\1aa"), "of type O, expected bytes or");
    file.refused(two_images + array +
                     "(K\1K\1\x85"
                     "cnumpy\ndtype\nU\2f4\x85R\x89U\4aaaatb\x86.",
                 "got labels of type \"f4\"");
    file.refused(two_images + array +
                     "(K\1K\1\x85"
                     "cnumpy\ndtype\nU\2i4\x85R\x89U\3aaatb\x86.",
                 "got 3 bytes of labels, expected a multiple of 4");
    file.refused(two_images + "]cnumpy.core.multiarray\nscalar\n" + dtype + "U\2\1\1\x86Ra\x86.",
                 "label 0 has 2 numbers, expected one");
    file.refused(image("c_codecs\nencode\nX" + little(3, 4) + "\xe2\x82\xac" + "U\6latin1\x86R"),
                 "got text with characters above 255");
    file.refused(image("c_codecs\nencode\nX" + little(1, 4) + "aU\3hex\x86R"), "in the encoding \"hex\"");
    // Cycles and lengths.
    file.refused("]q\1h\1a" + label + "\x86.", "image 0 is a list of 1");
    file.refused("]q\1h\1ah\1\x86.", "image 0 is a list of 1");
    file.refused("]q\1(h\1h\1e.", "image 0 is a list of 2");
    file.refused("](B" + little(UINT32_MAX, 4) + "abc",
                 "(BINBYTES): got a length of 4294967295 bytes, but only 3");
    for (std::size_t form = 0; form < std::size(written_by_python); form += 5) {
        const std::string whole = unhex(written_by_python[form].hex);
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(mentions(message_of([&] { file.open(whole.substr(0, size)); }), "at byte"));
    }
}

TEST_CASE("the shared verification sets have the counts and labels of their description", "[data]") {
    const auto folder = lafs_test::shared("data/verification_bin");
    if (!folder)
        return;
    struct Facts {
        const char* name;
        std::size_t pairs, same, distinct;
    };
    // Counted by Python's pickletools.
    for (const Facts& facts :
         {Facts{"numpy_protocol3.bin", 10, 10, 20}, Facts{"bytes_protocol4.bin", 749, 749, 1498},
          Facts{"python2_protocol2.bin", 16, 8, 32},
          Facts{"celeb112_test_protocol4.bin", 3000, 1500, 1082}}) {
        INFO(facts.name);
        const auto bin = VerificationBin::open(*folder / facts.name);
        CHECK(bin.pairs() == facts.pairs);
        CHECK(bin.images() == 2 * facts.pairs);
        std::size_t same = 0, distinct = 0;
        for (std::size_t i = 0; i < bin.pairs(); ++i)
            same += bin.same(i);
        for (std::size_t i = 0; i < bin.images(); ++i)
            distinct += bin.first_copy(i) == i;
        CHECK(same == facts.same);
        CHECK(distinct == facts.distinct);
        for (const std::size_t i : {std::size_t{0}, bin.images() - 1}) {
            const lafs::Image image = bin.image(i);
            CHECK(image.width == 112);
            CHECK(image.height == 112);
        }
    }
    // The set of the pairs in celeb112/test_pairs.txt, in their order.
    const auto root = lafs_test::shared("data/celeb112");
    if (!root)
        return;
    const auto bin = VerificationBin::open(*folder / "celeb112_test_protocol4.bin");
    const auto list = lafs::read_pairs(*root / "test_pairs.txt", *root / "test");
    REQUIRE(list.pairs.size() == bin.pairs());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < bin.pairs(); ++i)
        wrong += bin.same(i) != list.pairs[i].same ||
                 text_of(bin.encoded(2 * i)) != lafs_test::read_text(list.pairs[i].a) ||
                 text_of(bin.encoded(2 * i + 1)) != lafs_test::read_text(list.pairs[i].b);
    CHECK(wrong == 0);
}
