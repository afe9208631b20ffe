# cmake -D SCRATCH=<folder> -P TestCheckFloors.cmake: CheckFloors.cmake accepts a small tree that keeps to its table, and
# names each way of leaving it.
cmake_minimum_required(VERSION 3.25)
set(page "# Design\n\n## Layers\n\n| folder | holds | does not include |\n|---|---|---|
| `core/` | errors; shapes [at most five] | `Eigen` |
| `backend/cpu/`, `backend/cuda/` | kernels | |
| `autograd/` | the tape | |
| `nn/`, `io/` | layers; files | |
| `data/` | images | `nn/` |

`backend/` is included by
`autograd/` alone. `all.hpp` includes everything.\n\n## Errors\n\n| `late/` | is another table | |\n")

function(include_in file)
    set(text "// A header.\n#pragma once\n\n")
    foreach(name IN LISTS ARGN)
        string(APPEND text "#include ${name}\n")
    endforeach()
    file(WRITE "${SCRATCH}/include/lafs/${file}" "${text}")
endfunction()

function(good_tree)
    file(REMOVE_RECURSE "${SCRATCH}")
    file(WRITE "${SCRATCH}/docs/design.md" "${page}")
    include_in(core/a.hpp <vector> <lafs/core/b.hpp>)
    include_in(backend/cpu/a.hpp <Eigen/Core> <lafs/core/a.hpp>)
    include_in(backend/cuda/a.cuh <lafs/core/a.hpp>)
    include_in(autograd/a.hpp <lafs/backend/cpu/a.hpp>)
    include_in(nn/a.hpp <lafs/autograd/a.hpp>)
    include_in(io/a.hpp <lafs/core/a.hpp>)
    include_in(data/deep/a.hpp <lafs/io/a.hpp> <lafs/data/a.hpp>)
    include_in(all.hpp <lafs/data/a.hpp> <lafs/backend/cuda/a.cuh>)
endfunction()

# Runs the check; `expected` is part of what it says, empty where it accepts the tree.
function(check expected)
    execute_process(COMMAND ${CMAKE_COMMAND} -D "ROOT=${SCRATCH}" -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/CheckFloors.cmake"
        RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(expected STREQUAL "")
        if(NOT status EQUAL 0)
            message(FATAL_ERROR "a tree that keeps to its table is refused: ${said}")
        endif()
        return()
    endif()
    string(FIND "${said}" "${expected}" at)
    if(status EQUAL 0 OR at EQUAL -1)
        message(FATAL_ERROR "got (${status}) ${said}, expected: ${expected}")
    endif()
endfunction()

function(check_refused file include expected)
    good_tree()
    include_in("${file}" "<vector>" "${include}")
    check("include/lafs/${file}:5: #include ${include}: ${expected}")
endfunction()

good_tree()
check("")
check_refused(core/c.hpp <lafs/nn/a.hpp> "nn/ is below core/")
check_refused(nn/c.hpp <lafs/io/a.hpp> "io/ and nn/ share a row")
check_refused(backend/cpu/c.hpp <lafs/backend/cuda/a.cuh> "backend/cuda/ and backend/cpu/ share a row")
check_refused(backend/cuda/c.cuh <lafs/backend/cpu/a.hpp> "backend/cpu/ and backend/cuda/ share a row")
check_refused(nn/c.hpp <lafs/backend/cpu/a.hpp> "only autograd/ include backend/")
check_refused(data/deep/c.hpp <lafs/nn/a.hpp> "the table forbids data/ to include nn/")
check_refused(core/c.hpp <Eigen/Core> "the table forbids core/ to include Eigen")
check_refused(nn/c.hpp <lafs/all.hpp> "it is in no folder of the table")
check_refused(nn/c.hpp "\"a.hpp\"" "headers are included as <lafs/...>")
good_tree()
include_in(late/a.hpp <vector>)
check("include/lafs/late/a.hpp: neither its folder nor itself is in the table")
good_tree()
include_in(some.hpp <vector>)
check("include/lafs/some.hpp: neither its folder nor itself is in the table")
good_tree()
file(REMOVE_RECURSE "${SCRATCH}/include/lafs/io")
check("the table has io/, which does not exist")
