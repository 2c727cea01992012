# Goal: an installed Weft serves projects that know nothing of this tree, by CMake and by pkg-config, and as C++ too.
# Method: installs into a directory of its own, builds project/ against it in each way, runs the result.
# Called with -D BUILD=... -D WORK=... -D SOURCE=... -D C_COMPILER=... -D LIBDIR=... -D FLAGS=...
function(must)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        string(JOIN " " command ${ARGN})
        message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix "${WORK}/prefix with a space")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
must(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")
foreach(file include/weft.h ${LIBDIR}/libweft.a ${LIBDIR}/pkgconfig/weft.pc ${LIBDIR}/cmake/weft/weft-config.cmake)
    if(NOT EXISTS "${prefix}/${file}")
        message(FATAL_ERROR "not installed: ${file}")
    endif()
endforeach()

# CMake's way
must(${CMAKE_COMMAND} -S "${SOURCE}/project" -B "${WORK}/cmake" -D CMAKE_PREFIX_PATH=${prefix}
    -D CMAKE_C_COMPILER=${C_COMPILER} "-DCMAKE_C_FLAGS=${FLAGS}")
must(${CMAKE_COMMAND} --build "${WORK}/cmake")
must("${WORK}/cmake/outside")
message(STATUS "find_package: ${output}")

# pkg-config's way; the prefix that was configured is another one, so that it must say where it is now
set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
must(pkg-config --define-prefix --static --cflags --libs weft)
separate_arguments(weft_flags UNIX_COMMAND "${output}")
must(${C_COMPILER} -std=c17 -Wall -Wextra -Werror ${flags} "${SOURCE}/project/main.c" -o "${WORK}/by-pkg-config" ${weft_flags})
must("${WORK}/by-pkg-config")
message(STATUS "pkg-config: ${output}")

# the header in another language
must(${C_COMPILER} -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only "${prefix}/include/weft.h")
