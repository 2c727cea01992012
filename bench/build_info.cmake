# Run at each build: writes build_info.c, and touches it only when something in it has changed.
set(commit "unknown")
find_program(git git)
if(git)
    execute_process(COMMAND ${git} -C "${SOURCE_DIR}" describe --always --dirty --abbrev=12
        OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
    if(result EQUAL 0)
        set(commit "${found}")
    endif()
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/build_info.c.in" "${OUTPUT}" @ONLY)
