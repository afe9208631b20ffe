// The stack machine that reads a pickle's opcodes into a PickleTree (Python: Lib/pickletools.py).
//
// It makes values and never calls anything: REDUCE, NEWOBJ and BUILD only note what Python would have called.
// An opcode adds a few nodes at most and none is longer than its file says, so memory and time are in
// proportion to the size of the file; lengths are checked against it before they are used. The letters of the
// opcodes are named in pickle_input.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <lafs/io/pickle_stack.hpp>
#include <lafs/io/pickle_text.hpp>
#include <lafs/io/pickle_tree.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI::detail {

/// Reads one pickle.
class PickleMachine : private PickleStack {
public:
    PickleMachine(std::span<const std::byte> bytes, PickleTree& tree, std::span<const PickleName> known)
        : PickleStack(bytes, tree), known_(known) {}

    /// Runs to STOP, whose value becomes the root. Throws for what is no pickle.
    void run() {
        while (true) {
            const char opcode = input_.next_opcode();
            if (opcode == '.') {
                tree_.root = pop();
                return;
            }
            const bool known = push_number(opcode) || push_text(opcode) || containers(opcode) ||
                               add_items(opcode) || objects(opcode) || memory(opcode);
            require(known, "no such opcode, expected those of protocols 0 to 5");
        }
    }

private:
    // Opcodes, by groups. Each returns whether the opcode is one of its group.

    bool push_number(char opcode) {
        switch (opcode) {
            case 'N':
                add(PickleKind::none);
                push_last();
                return true;
            case '\x88':
                return push_integer(1, PickleKind::boolean);
            case '\x89':
                return push_integer(0, PickleKind::boolean);
            case 'J':
                return push_integer(input_.number<std::int32_t>());
            case 'K':
                return push_integer(input_.number<std::uint8_t>());
            case 'M':
                return push_integer(input_.number<std::uint16_t>());
            case '\x8a':
                return push_long(input_.take(input_.number<std::uint8_t>()));
            case '\x8b': {
                const auto size = input_.number<std::int32_t>();
                require(size >= 0, "got a length of ", size, " bytes, expected at least 0");
                return push_long(input_.take(static_cast<std::uint64_t>(size)));
            }
            case 'G': {
                std::uint64_t bits = __builtin_bswap64(input_.number<std::uint64_t>());
                add(PickleKind::real).real = __builtin_bit_cast(double, bits);
                push_last();
                return true;
            }
            case 'I':
            case 'L':
            case 'F':
                push_decimal(opcode, input_.line());
                return true;
            default:
                return false;
        }
    }

    /// Two's complement, little-endian, of any length.
    bool push_long(std::string_view bytes) {
        if (bytes.size() > 8)
            return push(bytes, PickleKind::big_integer);
        std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
        std::memcpy(&value, bytes.data(), bytes.size());
        return push_integer(static_cast<std::int64_t>(value));
    }

    void push_decimal(char opcode, std::string_view line) {
        if (opcode == 'F') {
            const auto number = parse_number<double>(line);
            require(number.has_value(), "got \"", line.substr(0, 40), "\", expected a number");
            add(PickleKind::real).real = *number;
            push_last();
            return;
        }
        if (opcode == 'I' && (line == "00" || line == "01")) {
            push_integer(line == "01", PickleKind::boolean);
            return;
        }
        if (opcode == 'L' && line.ends_with('L'))
            line.remove_suffix(1);
        const bool number = !line.empty() && line.find_first_not_of("0123456789", line.front() == '-') ==
                                                 std::string_view::npos;
        require(number && line != "-", "got \"", line.substr(0, 40), "\", expected a whole number");
        if (const auto value = parse_number<std::int64_t>(line))
            push_integer(*value);
        else
            push(line, PickleKind::big_integer);
    }

    bool push_text(char opcode) {
        switch (opcode) {
            case 'T': {
                const auto size = input_.number<std::int32_t>();
                require(size >= 0, "got a length of ", size, " bytes, expected at least 0");
                return push(input_.take(static_cast<std::uint64_t>(size)), PickleKind::bytes);
            }
            case 'U':
            case 'C':
                return push(input_.take(input_.number<std::uint8_t>()), PickleKind::bytes);
            case 'B':
                return push(input_.take(input_.number<std::uint32_t>()), PickleKind::bytes);
            case '\x8e':
            case '\x96':
                return push(input_.take(input_.number<std::uint64_t>()), PickleKind::bytes);
            case '\x8c':
                return push(input_.take(input_.number<std::uint8_t>()), PickleKind::text);
            case 'X':
                return push(input_.take(input_.number<std::uint32_t>()), PickleKind::text);
            case '\x8d':
                return push(input_.take(input_.number<std::uint64_t>()), PickleKind::text);
            case 'S':
                return push_decoded(parse_quoted(input_.line()), PickleKind::bytes);
            case 'V':
                return push_decoded(parse_raw_unicode(input_.line()), PickleKind::text);
            default:
                return false;
        }
    }

    bool containers(char opcode) {
        switch (opcode) {
            case ')':
                return push_container(PickleKind::tuple, stack_.size());
            case ']':
                return push_container(PickleKind::list, stack_.size());
            case '}':
                return push_container(PickleKind::dict, stack_.size());
            case '\x8f':
                return push_container(PickleKind::set, stack_.size());
            case '\x85':
            case '\x86':
            case '\x87': {
                const auto count = static_cast<std::size_t>(opcode - '\x84');
                require(stack_.size() >= bottom() + count, "the stack has too few values");
                return push_container(PickleKind::tuple, stack_.size() - count);
            }
            case 't':
                return push_container(PickleKind::tuple, pop_mark());
            case 'l':
                return push_container(PickleKind::list, pop_mark());
            case 'd':
                return push_container(PickleKind::dict, pop_mark());
            case '\x91':
                return push_container(PickleKind::set, pop_mark());
            default:
                return false;
        }
    }

    bool add_items(char opcode) {
        const bool entries = opcode == 's' || opcode == 'u';
        if (!entries && opcode != 'a' && opcode != 'e' && opcode != '\x90')
            return false;
        const std::size_t single = entries ? 2 : 1;
        const bool many = opcode != 'a' && opcode != 's';
        require(many || stack_.size() > bottom() + single, "the stack has too few values");
        const std::size_t begin = many ? pop_mark() : stack_.size() - single;
        require(begin > bottom(), "the stack is empty below the items");
        const std::uint32_t to = stack_[begin - 1];
        require(!entries || (stack_.size() - begin) % 2 == 0, "a key has no value");
        PickleNode& node = tree_.nodes[to];
        if (node.kind == PickleKind::object && node.links.count == 0)
            node.has_entries = entries;
        const PickleKind wanted = entries            ? PickleKind::dict
                                  : opcode == '\x90' ? PickleKind::set
                                                     : PickleKind::list;
        require(node.kind == wanted || (node.kind == PickleKind::object && node.has_entries == entries),
                "got ", value(to).description(), ", expected ", lafs::name(wanted));
        for (std::size_t i = begin; i < stack_.size(); ++i)
            append(to, stack_[i]);
        stack_.resize(begin);
        return true;
    }

    bool objects(char opcode) {
        switch (opcode) {
            case 'c': {
                const std::uint32_t module = add_text(input_.line());
                return push_global(module, add_text(input_.line()));
            }
            case '\x93': {
                const std::uint32_t name = pop(), module = pop();
                require(value(name).is_text() && value(module).is_text(), "got ", value(module).description(),
                        " and ", value(name).description(), ", expected the names of a module and a class");
                return push_global(module, name);
            }
            case 'R':
            case '\x81': {
                const std::uint32_t arguments = pop();
                return push_object(pop(), arguments);
            }
            case '\x92': {
                pop();  // keyword arguments: no class that is read has any
                const std::uint32_t arguments = pop();
                return push_object(pop(), arguments);
            }
            case 'i': {
                const std::uint32_t module = add_text(input_.line());
                push_container(PickleKind::tuple, pop_mark());
                const std::uint32_t arguments = pop();
                push_global(module, add_text(input_.line()));
                return push_object(pop(), arguments);
            }
            case 'o': {
                const std::size_t begin = pop_mark();
                require(begin < stack_.size(), "the stack has no class above the MARK");
                push_container(PickleKind::tuple, begin + 1);
                const std::uint32_t arguments = pop();
                return push_object(pop(), arguments);
            }
            case 'b': {
                const std::uint32_t state = pop();
                require(value(top()).is(PickleKind::object), "got ", value(top()).description(),
                        ", expected an object");
                tree_.nodes[top()].links.state = state;
                return true;
            }
            case 'P':
                return push_reference(add_text(input_.line()));
            case 'Q':
                return push_reference(pop());
            default:
                return false;
        }
    }

    bool push_global(std::uint32_t module, std::uint32_t name) {
        const auto found = std::find_if(known_.begin(), known_.end(), [&](const PickleName& known) {
            return known.name == value(name).text() && known.module == value(module).text();
        });
        PickleNode& node = add(PickleKind::global);
        node.links.callable = module;
        node.links.arguments = name;
        node.meaning = found == known_.end() ? 0 : found->meaning;
        push_last();
        return true;
    }

    bool push_object(std::uint32_t callable, std::uint32_t arguments) {
        require(value(arguments).is(PickleKind::tuple), "got ", value(arguments).description(),
                ", expected a tuple of arguments");
        PickleNode& node = add(PickleKind::object);
        node.links.callable = callable;
        node.links.arguments = arguments;
        node.meaning = value(callable).is(PickleKind::global) ? value(callable).meaning() : 0;
        push_last();
        return true;
    }

    bool push_reference(std::uint32_t id) {
        add(PickleKind::reference).links.callable = id;
        push_last();
        return true;
    }

    /// Memo, marks and what else makes no value.
    bool memory(char opcode) {
        switch (opcode) {
            case '(':
                marks_.push_back(stack_.size());
                return true;
            case '0':
                if (!marks_.empty() && stack_.size() == marks_.back())
                    pop_mark();
                else
                    pop();
                return true;
            case '1':
                stack_.resize(pop_mark());
                return true;
            case '2':
                stack_.push_back(top());
                return true;
            case 'p':
                return put(input_.index());
            case 'q':
                return put(input_.number<std::uint8_t>());
            case 'r':
                return put(input_.number<std::uint32_t>());
            case '\x94':
                return put(memo_count_);
            case 'g':
                return get(input_.index());
            case 'h':
                return get(input_.number<std::uint8_t>());
            case 'j':
                return get(input_.number<std::uint32_t>());
            default:
                return framing(opcode);
        }
    }

    bool framing(char opcode) {
        switch (opcode) {
            case '\x80': {
                const int protocol = input_.number<std::uint8_t>();
                require(protocol <= 5, "got protocol ", protocol, ", expected 0 to 5");
                return true;
            }
            case '\x95': {
                const auto size = input_.number<std::uint64_t>();
                require(size <= input_.left(), "got a frame of ", size, " bytes, but only ", input_.left(),
                        " are left");
                return true;
            }
            case '\x82':
            case '\x83':
            case '\x84':
                require(false, "extension codes stand for classes that only the writing program knows");
                return true;
            case '\x97':
            case '\x98':
                require(false, "the data is in a buffer outside the file");
                return true;
            default:
                return false;
        }
    }

    /// Picklers number the memo from 0, one opcode each: no index reaches the size of the file.
    bool put(std::uint64_t index) {
        require(index < input_.size(), "got memo index ", index, ", expected less than the ", input_.size(),
                " bytes of the pickle");
        const std::uint32_t node = top();
        if (index >= memo_.size())
            memo_.resize(static_cast<std::size_t>(index) + 1, no_pickle_node);
        memo_count_ += memo_[index] == no_pickle_node;
        memo_[index] = node;
        return true;
    }

    bool get(std::uint64_t index) {
        require(index < memo_.size() && memo_[index] != no_pickle_node, "nothing was put in memo index ",
                index);
        stack_.push_back(memo_[index]);
        return true;
    }

    std::span<const PickleName> known_;
    std::vector<std::uint32_t> memo_;  // numbers of nodes
    std::uint64_t memo_count_ = 0;
};

}  // namespace lafs::inline LAFS_ABI::detail
