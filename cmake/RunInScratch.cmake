# Runs PROGRAM in the empty folder SCRATCH.
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")
execute_process(COMMAND "${PROGRAM}" WORKING_DIRECTORY "${SCRATCH}" RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${PROGRAM}")
endif()
