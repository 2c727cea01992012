# Runs PROGRAM, which must succeed and print what matches EXPECTED, nothing on stderr.
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT result EQUAL 0 OR NOT errors STREQUAL "" OR NOT output MATCHES "${EXPECTED}")
    message(FATAL_ERROR "ended with ${result}, printed:\n${output}\n${errors}\nexpected:\n${EXPECTED}")
endif()
