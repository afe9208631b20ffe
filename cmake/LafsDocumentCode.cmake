# lafs_document_code(<markdown file> <output> <unit> <programs>): writes the C++ of a page as translation units, so that
# the compiler reads, and the tests run, what users read. <unit> is set to the file that holds all blocks of statements,
# for lafs_document_main; <programs> to the files with a main function of their own.
# Both may be empty. The word after the language says what a block is:
#   ```cpp                statements: a function of its own, compiled and run in the order of the page
#   ```cpp declarations   stands at namespace scope; statements after it have to use what it declares, since a
#                         template that nobody uses is not compiled
#   ```cpp program        a file of its own, as it stands, compiled and run: it includes what it needs
#   ```cpp compiled       statements that are compiled only: they need what the tests do not have
#   ```cpp fragment       only to be read
function(lafs_document_code page output unit programs)
    file(READ "${page}" text)
    # Characters that CMake's lists give a meaning of their own.
    string(REPLACE ";" "\\;" text "${text}")
    string(REPLACE "[" "<LAFS_OPEN>" text "${text}")
    string(REPLACE "]" "<LAFS_CLOSE>" text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    get_filename_component(name "${page}" NAME)
    get_filename_component(page_name "${page}" NAME_WE)
    set(includes "#include <lafs/lafs.hpp>\n")
    set(body "")
    set(calls "")
    set(declared "") # name=line of what declarations declare, until statements use it
    set(kind "")
    set(written "")
    set(number 0)
    set(line_number 0)
    foreach(line IN LISTS lines)
        math(EXPR line_number "${line_number} + 1")
        if(kind STREQUAL "")
            if(line MATCHES "^```cpp *([a-z]*) *$")
                math(EXPR number "${number} + 1")
                math(EXPR next "${line_number} + 1")
                set(kind "${CMAKE_MATCH_1}")
                set(place "#line ${next} \"${name}\"\n")
                if(kind STREQUAL "")
                    set(kind statements)
                    string(APPEND calls "    run_block(\"${name}:${line_number}\", block_${number});\n")
                endif()
                if(kind MATCHES "^(statements|compiled)$")
                    string(APPEND body "[[maybe_unused]] void block_${number}() {\n${place}")
                elseif(kind STREQUAL "declarations")
                    string(APPEND body "${place}")
                elseif(kind STREQUAL "program")
                    set(program "${place}")
                elseif(NOT kind STREQUAL "fragment")
                    message(FATAL_ERROR "${page}:${line_number}: \"cpp ${kind}\": see cmake/LafsDocumentCode.cmake")
                endif()
            elseif(line MATCHES "^```[a-z]*")
                set(kind other)
            endif()
        elseif(line MATCHES "^``` *$")
            if(kind MATCHES "^(statements|compiled)$")
                string(APPEND body "}\n")
            elseif(kind STREQUAL "program")
                string(REGEX REPLACE "\\.cpp$" "_${number}.cpp" file "${output}")
                lafs_write_document_unit("${file}" "${program}")
                list(APPEND written "${file}")
            endif()
            set(kind "")
        elseif(kind STREQUAL "program")
            string(APPEND program "${line}\n")
        elseif(line MATCHES "^#include" AND NOT kind MATCHES "^(fragment|other)$")
            string(APPEND includes "${line}\n")
        elseif(kind MATCHES "^(statements|compiled|declarations)$")
            string(APPEND body "${line}\n")
            if(kind STREQUAL "statements")
                foreach(entry IN LISTS declared)
                    string(REGEX REPLACE "=.*" "" what "${entry}")
                    if(line MATCHES "(^|[^A-Za-z_0-9])${what}($|[^A-Za-z_0-9])")
                        list(REMOVE_ITEM declared "${entry}")
                    endif()
                endforeach()
            elseif(line MATCHES "^(template *<[^>]*> *)?(struct|class) +([A-Za-z_0-9]+) *[^;]*$")
                list(APPEND declared "${CMAKE_MATCH_3}=${line_number}")
            elseif(kind STREQUAL "declarations" AND line MATCHES "^[A-Za-z].*[ &*>]([a-z_0-9]+)\\(")
                list(APPEND declared "${CMAKE_MATCH_1}=${line_number}")
            endif()
        endif()
    endforeach()
    foreach(entry IN LISTS declared)
        string(REPLACE "=" ";" entry "${entry}")
        list(GET entry 0 what)
        list(GET entry 1 line_number)
        message(FATAL_ERROR "${page}:${line_number}: no statements after it use ${what}")
    endforeach()
    set(${unit} "" PARENT_SCOPE)
    if(NOT body STREQUAL "")
        lafs_write_document_unit("${output}" "${includes}
namespace page_${page_name} {

${body}
void run() {
${calls}}

}  // namespace page_${page_name}
")
        set(${unit} "${output}" PARENT_SCOPE)
    endif()
    set(${programs} "${written}" PARENT_SCOPE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${page}")
endfunction()

# lafs_document_main(<output> <unit>...): a program of these pages that runs their statements in order and says where one
# throws. It is one translation unit, since each includes the whole library.
function(lafs_document_main output)
    set(parts "")
    set(calls "")
    foreach(unit IN LISTS ARGN)
        get_filename_component(name "${unit}" NAME_WE)
        string(APPEND parts "#include \"${unit}\"\n")
        string(APPEND calls "    page_${name}::run();\n")
    endforeach()
    lafs_write_document_unit("${output}" "#include <cstdio>
#include <exception>

static int failures = 0;

static void run_block(const char* place, void (*block)()) {
    std::printf(\"%s\\n\", place);
    std::fflush(stdout);
    try {
        block();
    } catch (const std::exception& error) {
        std::printf(\"%s: %s\\n\", place, error.what());
        ++failures;
    }
}

${parts}
int main() {
${calls}    return failures == 0 ? 0 : 1;
}
")
endfunction()

# Brackets come back; the file is left alone, and not compiled again, where its text is the same.
function(lafs_write_document_unit file text)
    string(REPLACE "<LAFS_OPEN>" "[" text "${text}")
    string(REPLACE "<LAFS_CLOSE>" "]" text "${text}")
    file(CONFIGURE OUTPUT "${file}" CONTENT "${text}" @ONLY)
endfunction()
