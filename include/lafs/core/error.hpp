// The one exception type of the library and the two functions that throw it.
//
// Messages read `[operation] what came, what was expected`, in every build type.
#pragma once

#include <initializer_list>
#include <lafs/core/abi.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// Thrown for every error the library detects: shapes, arguments, files, numbers.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {
/// One part of a message: its value, or where it is, and how it prints to a stream. Only kinds of parts are
/// told apart here, so that a message costs its callers neither a function nor code that formats.
class MessagePart {
public:
    MessagePart(const char* text) : print_(print_text) { value_.text = text; }
    MessagePart(char value) : print_(print_character) { value_.character = value; }
    MessagePart(int value) : MessagePart(static_cast<long long>(value)) {}
    MessagePart(long value) : MessagePart(static_cast<long long>(value)) {}
    MessagePart(long long value) : print_(print_integer) { value_.integer = value; }
    MessagePart(unsigned value) : MessagePart(static_cast<unsigned long long>(value)) {}
    MessagePart(unsigned long value) : MessagePart(static_cast<unsigned long long>(value)) {}
    MessagePart(unsigned long long value) : print_(print_natural) { value_.natural = value; }
    MessagePart(float value) : MessagePart(static_cast<double>(value)) {}
    MessagePart(double value) : print_(print_real) { value_.real = value; }
    /// Anything else that prints to a stream; it outlives the part.
    template <class T>
    MessagePart(const T& value) : print_(print_object<T>) {
        value_.address = &value;
    }

    void print(std::ostream& out) const { print_(out, value_); }

private:
    union Value {
        const void* address;
        const char* text;
        char character;
        long long integer;
        unsigned long long natural;
        double real;
    };
    static void print_text(std::ostream& out, Value value) { out << value.text; }
    static void print_character(std::ostream& out, Value value) { out << value.character; }
    static void print_integer(std::ostream& out, Value value) { out << value.integer; }
    static void print_natural(std::ostream& out, Value value) { out << value.natural; }
    static void print_real(std::ostream& out, Value value) { out << value.real; }
    template <class T>
    static void print_object(std::ostream& out, Value value) {
        out << *static_cast<const T*>(value.address);
    }

    void (*print_)(std::ostream&, Value);
    Value value_;
};

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_error(std::string_view operation,
                                                               std::initializer_list<MessagePart> parts) {
    std::ostringstream message;
    message << '[' << operation << "] ";
    for (const MessagePart& part : parts)
        part.print(message);
    throw Error(message.str());
}

/// The parts, anything that prints to a stream, one after the other.
template <class... Parts>
std::string text_of(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return text.str();
}
}  // namespace detail

/// Throws `Error("[operation] " + parts...)`; the parts are anything that prints to a stream.
template <class... Parts>
[[noreturn, gnu::always_inline]] inline void fail(std::string_view operation, const Parts&... parts) {
    detail::throw_error(operation, {detail::MessagePart(parts)...});
}

/// Throws like `fail` unless `condition` holds. The parts are printed only on failure.
template <class... Parts>
[[gnu::always_inline]] inline void require(bool condition, std::string_view operation,
                                           const Parts&... parts) {
    if (!condition) [[unlikely]]
        detail::throw_error(operation, {detail::MessagePart(parts)...});
}

}  // namespace lafs::inline LAFS_ABI
