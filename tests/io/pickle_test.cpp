#include <lafs/io/pickle.hpp>
#include <limits>
#include <string>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include "zip_bytes.hpp"

using lafs::Pickle;
using lafs::PickleKind;
using lafs::PickleValue;
using lafs_test::little;
using lafs_test::mentions;
using lafs_test::message_of;

namespace {

constexpr int ordered_dict = 7;
constexpr lafs::PickleName known[] = {{"collections", "OrderedDict", ordered_dict}};

/// Keeps the bytes that its values are views of.
struct Read {
    std::string bytes;
    Pickle pickle;

    explicit Read(std::string text)
        : bytes(std::move(text)), pickle(Pickle::read(std::as_bytes(std::span(bytes)), "x.pkl", known)) {}
    PickleValue root() const { return pickle.root(); }
};

/// "[1, [], {a: 2}]": what was read, for comparison with what was written.
std::string shown(const PickleValue& value, int levels = 8) {
    if (levels == 0)
        return "...";
    if (value.has_entries()) {
        std::string text = "{";
        for (const auto [key, item] : value.entries())
            text += (text.size() > 1 ? ", " : "") + shown(key, levels - 1) + ": " + shown(item, levels - 1);
        return text + "}";
    }
    const bool set = value.is(PickleKind::set), tuple = value.is(PickleKind::tuple);
    if (value.has_items() && !value.is(PickleKind::object)) {
        std::string text = set ? "<" : tuple ? "(" : "[";
        for (const PickleValue item : value.items())
            text += (text.size() > 1 ? ", " : "") + shown(item, levels - 1);
        return text + (set ? ">" : tuple ? ")" : "]");
    }
    switch (value.kind()) {
        case PickleKind::integer:
            return std::to_string(value.integer());
        case PickleKind::text:
            return std::string(value.text());
        default:
            return value.description();
    }
}

std::string unhex(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

/// What Python 3.11 wrote, protocol by protocol, for
/// [None, True, False, 0, -1, 255, 65536, -2**31, 2**63-1, -2**63, 2**80, 1.5, b"\0\xffab",
///  "text \xe4\u20ac", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {"a": 1, 2: [3]}, {5}, frozenset([6]),
///  OrderedDict([("k", 7)]), (1,) again]
const char* const written_by_python[] = {
    // protocol 0
    "286c70300a4e614930310a614930300a6149300a61492d310a61493235350a614936353533360a61492d323134373438"
    "333634380a614c393232333337323033363835343737353830374c0a614c2d3932323333373230333638353437373538"
    "30384c0a614c313230383932353831393631343632393137343730363137364c0a6146312e350a61635f636f64656373"
    "0a656e636f64650a70310a28565c7530303030ff61620a70320a566c6174696e310a70330a7470340a5270350a615674"
    "65787420e45c75323061630a70360a612874612849310a7470370a612849310a49320a7470380a612849310a49320a49"
    "330a7470390a612849310a49320a49330a49340a747031300a61286c7031310a6128647031320a56610a7031330a4931"
    "0a7349320a286c7031340a49330a617361635f5f6275696c74696e5f5f0a7365740a7031350a28286c7031360a49350a"
    "61747031370a527031380a61635f5f6275696c74696e5f5f0a66726f7a656e7365740a7031390a28286c7032300a4936"
    "0a61747032310a527032320a6163636f6c6c656374696f6e730a4f726465726564446963740a7032330a287452703234"
    "0a566b0a7032350a49370a736167370a612e",
    // protocol 1
    "5d7100284e4930310a4930300a4b004affffffff4bff4a000001004a000000804c393232333337323033363835343737"
    "353830374c0a4c2d393232333337323033363835343737353830384c0a4c313230383932353831393631343632393137"
    "343730363137364c0a473ff8000000000000635f636f646563730a656e636f64650a710128580500000000c3bf616271"
    "0258060000006c6174696e317103747104527105580a0000007465787420c3a4e282ac710629284b01747107284b014b"
    "02747108284b014b024b03747109284b014b024b034b0474710a5d710b7d710c28580100000061710d4b014b025d710e"
    "4b036175635f5f6275696c74696e5f5f0a7365740a710f285d71104b0561747111527112635f5f6275696c74696e5f5f"
    "0a66726f7a656e7365740a7113285d71144b066174711552711663636f6c6c656374696f6e730a4f7264657265644469"
    "63740a71172952711858010000006b71194b07736807652e",
    // protocol 2
    "80025d7100284e88894b004affffffff4bff4a000001004a000000808a08ffffffffffffff7f8a080000000000000080"
    "8a0b0000000000000000000001473ff8000000000000635f636f646563730a656e636f64650a7101580500000000c3bf"
    "6162710258060000006c6174696e317103867104527105580a0000007465787420c3a4e282ac7106294b018571074b01"
    "4b028671084b014b024b03877109284b014b024b034b0474710a5d710b7d710c28580100000061710d4b014b025d710e"
    "4b036175635f5f6275696c74696e5f5f0a7365740a710f5d71104b0561857111527112635f5f6275696c74696e5f5f0a"
    "66726f7a656e7365740a71135d71144b066185711552711663636f6c6c656374696f6e730a4f72646572656444696374"
    "0a71172952711858010000006b71194b07736807652e",
    // protocol 3
    "80035d7100284e88894b004affffffff4bff4a000001004a000000808a08ffffffffffffff7f8a080000000000000080"
    "8a0b0000000000000000000001473ff8000000000000430400ff61627101580a0000007465787420c3a4e282ac710229"
    "4b018571034b014b028671044b014b024b03877105284b014b024b034b047471065d71077d7108285801000000617109"
    "4b014b025d710a4b036175636275696c74696e730a7365740a710b5d710c4b056185710d52710e636275696c74696e73"
    "0a66726f7a656e7365740a710f5d71104b066185711152711263636f6c6c656374696f6e730a4f726465726564446963"
    "740a71132952711458010000006b71154b07736803652e",
    // protocol 4
    "800495bf000000000000005d94284e88894b004affffffff4bff4a000001004a000000808a08ffffffffffffff7f8a08"
    "00000000000000808a0b0000000000000000000001473ff8000000000000430400ff6162948c0a7465787420c3a4e282"
    "ac94294b0185944b014b0286944b014b024b038794284b014b024b034b0474945d947d94288c0161944b014b025d944b"
    "0361758f94284b0590284b0691948c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c"
    "016b944b07736803652e",
    // protocol 5
    "800595bf000000000000005d94284e88894b004affffffff4bff4a000001004a000000808a08ffffffffffffff7f8a08"
    "00000000000000808a0b0000000000000000000001473ff8000000000000430400ff6162948c0a7465787420c3a4e282"
    "ac94294b0185944b014b0286944b014b024b038794284b014b024b034b0474945d947d94288c0161944b014b025d944b"
    "0361758f94284b0590284b0691948c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c"
    "016b944b07736803652e",
};

}  // namespace

TEST_CASE("every protocol of Python is read", "[io]") {
    for (int protocol = 0; protocol <= 5; ++protocol) {
        INFO("protocol " << protocol);
        const Read read(unhex(written_by_python[protocol]));
        const PickleValue root = read.root();
        REQUIRE(root.is(PickleKind::list));
        REQUIRE(root.size() == 25);
        const auto at = [&](std::size_t i) { return root.item(i); };
        CHECK(at(0).is(PickleKind::none));
        CHECK(at(1).boolean());
        CHECK(!at(2).boolean());
        CHECK(at(3).integer() == 0);
        CHECK(at(4).integer() == -1);
        CHECK(at(5).integer() == 255);
        CHECK(at(6).integer() == 65536);
        CHECK(at(7).integer() == std::numeric_limits<std::int32_t>::min());
        CHECK(at(8).integer() == std::numeric_limits<std::int64_t>::max());
        CHECK(at(9).integer() == std::numeric_limits<std::int64_t>::min());
        CHECK(at(10).is(PickleKind::big_integer));
        CHECK(at(11).real() == 1.5);
        if (protocol >= 3) {
            CHECK(at(12).text() == std::string("\0\xff"
                                               "ab",
                                               4));
            CHECK(at(12).bytes().size() == 4);
        } else {  // a call of _codecs.encode
            CHECK(at(12).callable().name() == "encode");
            CHECK(at(12).arguments().item(0).text() == std::string("\0\xc3\xbf"
                                                                   "ab",
                                                                   5));
        }
        CHECK(at(13).text() == "text \xc3\xa4\xe2\x82\xac");
        CHECK(shown(at(14)) == "()");
        CHECK(shown(at(15)) == "(1)");
        CHECK(shown(at(16)) == "(1, 2)");
        CHECK(shown(at(17)) == "(1, 2, 3)");
        CHECK(shown(at(18)) == "(1, 2, 3, 4)");
        CHECK(shown(at(19)) == "[]");
        CHECK(shown(at(20)) == "{a: 1, 2: [3]}");
        if (protocol >= 4) {
            CHECK(shown(at(21)) == "<5>");
            CHECK(shown(at(22)) == "<6>");
        } else {
            CHECK(at(21).callable().name() == "set");
            CHECK(shown(at(22).arguments()) == "([6])");
        }
        CHECK(at(23).is(PickleKind::object));
        CHECK(at(23).meaning() == ordered_dict);
        CHECK(at(23).description() == "an object of collections.OrderedDict");
        CHECK(shown(at(23)) == "{k: 7}");
        CHECK(at(15).id() == at(24).id());
        CHECK(at(15).id() != at(16).id());
    }
}

TEST_CASE("opcodes that Python's writers rarely use", "[io]") {
    const auto result = [](const std::string& bytes) { return shown(Read(bytes).root()); };
    CHECK(result("(I1\nI2\nl.") == "[1, 2]");
    CHECK(result("(I1\nI2\nd.") == "{1: 2}");
    CHECK(result("(I1\nI2\n1]I5\na.") == "[5]");  // POP_MARK
    CHECK(result("(0I7\n.") == "7");              // POP of a MARK
    CHECK(result("K\1K\2"
                 "0.") == "1");
    CHECK(result("K\1"
                 "2\x86.") == "(1, 1)");  // DUP
    CHECK(result("]p100\n0K\3g100\n\x86" + std::string(100, 'N') + ".") == "None");
    CHECK(result("S'a\\x41\\n\\'\\\\'\n.") == "5 bytes");
    CHECK(Read("S'a\\x41\\n\\'\\\\'\n.").root().text() == "aA\n'\\");
    CHECK(Read("S\"it's\"\n.").root().text() == "it's");
    CHECK(result("V\xe4\\u20ac\\U0001F600\\x\n.") == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\\x");
    CHECK(result("F-2.5e3\n.") == "a float");
    CHECK(Read("F-2.5e3\n.").root().real() == -2500.0);
    CHECK(result("L-12L\n.") == "-12");
    CHECK(result("\x8b" + little(2, 4) + "\xfe\xff.") == "-2");
    CHECK(result(std::string("\x8a\0.", 3)) == "0");
    CHECK(result("\x8d" + little(2, 8) + "ab.") == "ab");
    CHECK(result("\x8e" + little(2, 8) + "ab.") == "2 bytes");
    CHECK(result("\x96" + little(2, 8) + "ab.") == "2 bytes");
    CHECK(result("T" + little(3, 4) + "abc.") == "3 bytes");
    CHECK(result("U\3abc.") == "3 bytes");
    CHECK(result("(K\5\x91.") == "<5>");  // FROZENSET
    CHECK(result("(imodule\nClass\n.") == "an object of module.Class");
    CHECK(result("(cmodule\nClass\nK\1o.") == "an object of module.Class");
    CHECK(shown(Read("(cmodule\nClass\nK\1o.").root().arguments()) == "(1)");
    CHECK(result("cm\nC\n)}\x92.") == "an object of m.C");  // NEWOBJ_EX
    CHECK(Read("Pid 5\n.").root().reference().text() == "id 5");
    CHECK(Read("K\5Q.").root().reference().integer() == 5);
    const Read built("cm\nC\n)\x81K\2a}b.");
    CHECK(shown(*built.root().state()) == "{}");
    CHECK(built.root().has_items());
    CHECK(built.root().size() == 1);
    CHECK(result("I01\n.") == "True");
    CHECK(result("K\5.what follows is not looked at") == "5");
}

TEST_CASE("a pickle that holds itself is read, and shared values are not copied", "[io]") {
    const Read list(std::string("]q\0h\0a.", 7));
    CHECK(list.root().item(0).id() == list.root().id());
    CHECK(shown(list.root(), 3) == "[[[...]]]");
    const Read dict(std::string("}q\0K\1h\0s.", 9));
    CHECK(shown(dict.root(), 2) == "{1: {...: ...}}");
    // Thirty levels of a list that holds the one before twice: 2^30 values when copied.
    std::string laughs = "]";
    for (int i = 0; i < 30; ++i)
        laughs += "2\x86";
    const Read read(laughs + ".");
    CHECK(read.pickle.values() == 31);
    // A million levels cost no stack.
    const Read deep(std::string(1'000'000, ']') + std::string(999'999, 'a') + ".");
    CHECK(deep.root().size() == 1);
}

TEST_CASE("hostile pickles end in a message with byte and opcode", "[io]") {
    const auto refused = [&](const std::string& bytes, const std::string& expected) {
        const std::string message = message_of([&] { Read read(bytes); });
        INFO(message);
        CHECK(mentions(message, "[pickle] x.pkl at byte"));
        CHECK(mentions(message, expected));
    };
    refused("", "at byte 0: got 0 bytes, expected a pickle");
    refused("K\1", "at byte 2: the pickle ends without STOP");
    refused(".", "at byte 0 (STOP): the stack is empty");
    refused("\x80\x06K\1.", "at byte 0 (PROTO): got protocol 6, expected 0 to 5");
    refused("NN\xff.", "at byte 2 (0xff): no such opcode");
    // Lengths of 4 GB and more.
    refused("NX" + little(UINT32_MAX, 4) + "abc", "at byte 1 (BINUNICODE): got a length of 4294967295 bytes");
    refused("B" + little(UINT32_MAX, 4) + "abc", "(BINBYTES): got a length of 4294967295 bytes, but only 3");
    refused("\x8e" + little(UINT64_MAX, 8) + "abc",
            "(BINBYTES8): got a length of 18446744073709551615 bytes");
    refused("\x8d" + little(1ull << 32, 8) + "abc", "(BINUNICODE8): got a length of 4294967296 bytes");
    refused("\x96" + little(UINT64_MAX - 3, 8) + "abc", "(BYTEARRAY8)");
    refused("T" + little(UINT32_MAX, 4) + "abc", "(BINSTRING): got a length of -1 bytes");
    refused("\x8b" + little(UINT32_MAX, 4) + "abc", "(LONG4): got a length of -1 bytes");
    refused("\x8b" + little(INT32_MAX, 4) + "abc", "(LONG4): got a length of 2147483647 bytes");
    refused("\x95" + little(UINT64_MAX, 8) + "N.",
            "(FRAME): got a frame of 18446744073709551615 bytes, but only 2");
    refused("J\1\2", "(BININT): got a length of 4 bytes, but only 2");
    refused("Snever ends", "(STRING): the line does not end");
    refused("Sabc\n.", "(STRING): the string's escapes");
    refused("S'a\\x4'\n.", "(STRING): the string's escapes");
    refused("S'\\'\n.", "(STRING)");
    refused("V\\u12\n.", "(UNICODE)");
    refused("V\\U00110000\n.", "(UNICODE)");
    refused("Iabc\n.", "(INT): got \"abc\", expected a whole number");
    refused("I\n.", "(INT): got \"\"");
    refused("L-\n.", "(LONG): got \"-\"");
    refused("Fx\n.", "(FLOAT): got \"x\"");
    // The memo.
    refused("Nr" + little(UINT32_MAX, 4) + ".",
            "(LONG_BINPUT): got memo index 4294967295, expected less than the 7");
    refused("Np99999999999999999999\n.", "(PUT): got \"99999999999999999999\"");
    refused("Np-1\n.", "(PUT)");
    refused("h\3.", "(BINGET): nothing was put in memo index 3");
    refused("j" + little(UINT32_MAX, 4) + ".", "(LONG_BINGET): nothing was put in memo index 4294967295");
    refused("q\1.", "(BINPUT): the stack is empty");
    refused("\x94.", "(MEMOIZE): the stack is empty");
    // The stack and its marks.
    refused("t.", "(TUPLE): there is no MARK");
    refused("1.", "(POP_MARK): there is no MARK");
    refused("0.", "(POP): the stack is empty");
    refused("2.", "(DUP): the stack is empty");
    refused("N(.", "(STOP): the stack is empty");
    refused("N(\x86.", "(TUPLE2): the stack has too few values");
    refused("NN(NR.", "(REDUCE)");
    refused("Na.", "(APPEND): the stack has too few values");
    refused("(Ne.", "(APPENDS): the stack is empty below the items");
    refused("NNs.", "(SETITEM): the stack has too few values");
    refused("NNa.", "(APPEND): got None, expected a list");
    refused(")Na.", "(APPEND): got a tuple of 0, expected a list");
    refused("]NNs.", "(SETITEM): got a list of 0, expected a dict");
    refused("}(Nu.", "(SETITEMS): a key has no value");
    refused("(Nd.", "(DICT): a key has no value");
    refused("}(N\x90.", "(ADDITEMS): got a dict of 0, expected a set");
    refused("cm\nC\n)RNaNNs.", "(SETITEM): got an object of m.C, expected a dict");
    // Calls.
    refused("cm\nC\n]R.", "(REDUCE): got a list of 0, expected a tuple of arguments");
    refused(")R.", "(REDUCE): the stack is empty");
    refused("NNb.", "(BUILD): got None, expected an object");
    refused("NN\x93.", "(STACK_GLOBAL): got None and None");
    refused("cmodule", "(GLOBAL): the line does not end");
    refused("(o.", "(OBJ): the stack has no class");
    refused(std::string("\x82\1.", 3), "(EXT1): extension codes");
    refused(std::string("\x83\1\1.", 4), "(EXT2): extension codes");
    refused(std::string("\x84\1\1\1\1.", 6), "(EXT4): extension codes");
    refused("\x97.", "(NEXT_BUFFER): the data is in a buffer outside the file");
    refused("N\x98.", "(READONLY_BUFFER)");
}

TEST_CASE("values of another kind than expected are refused with their place", "[io]") {
    const Read read("N]\x86.");
    const auto message = [&](const auto& action) { return message_of(action); };
    CHECK(message([&] { read.root().integer(); }) ==
          "[pickle] x.pkl at byte 2: got a tuple of 2, expected an integer");
    CHECK(mentions(message([&] { read.root().item(0).text(); }), "at byte 0: got None, expected text"));
    CHECK(mentions(message([&] { read.root().item(0).items(); }), "got None, expected a list"));
    CHECK(mentions(message([&] { read.root().item(1).entries(); }), "got a list of 0, expected a dict"));
    CHECK(mentions(message([&] { read.root().item(2); }), "expected more than 2 items"));
    CHECK(mentions(message([&] { read.root().arguments(); }), "expected an object"));
}

TEST_CASE("every truncation of a pickle is refused", "[io]") {
    for (const char* hex : written_by_python) {
        const std::string whole = unhex(hex);
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(mentions(message_of([&] { Read read(whole.substr(0, size)); }), "at byte"));
    }
}
