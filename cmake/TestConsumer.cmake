# Builds and runs examples/consumer as a user does: against the package installed into SCRATCH, with nothing of the build
# tree; and with the sources of ROOT as a part of its own project.
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        list(JOIN ARGN " " line)
        message(FATAL_ERROR "failed (${status}): ${line}")
    endif()
endfunction()

function(build_and_run folder)
    run(${CMAKE_COMMAND} -S "${ROOT}/examples/consumer" -B "${SCRATCH}/${folder}" -G "${GENERATOR}"
        "-DCMAKE_CXX_COMPILER=${COMPILER}" ${ARGN})
    run(${CMAKE_COMMAND} --build "${SCRATCH}/${folder}")
    run("${SCRATCH}/${folder}/consumer")
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${SCRATCH}/prefix")
if(NOT EXISTS "${SCRATCH}/prefix/share/lafs/presets/lafs-pretrain.conf")
    message(FATAL_ERROR "the installed package has no presets")
endif()
build_and_run(installed "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix")
build_and_run(fetched "-DLAFS_FOLDER=${ROOT}")
