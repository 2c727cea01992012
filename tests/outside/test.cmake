# Goal: an installed Weft serves projects that know nothing of this tree, by CMake and by pkg-config, and as C++ too, and takes no name
# from them that does not begin with weft_ or WEFT_.
# Method: installs into a directory of its own, builds project/ against it in each way, runs the result. For the names: those that names.c
# leaves for the linker, and the macros that the header defines; what it declares is looked at by tests/python/test_header.py.
# Called with -D BUILD=... -D WORK=... -D SOURCE=... -D C_COMPILER=... -D NM=... -D LIBDIR=... -D FLAGS=...
cmake_minimum_required(VERSION 3.25)

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

# the names that it takes: of the linker's
function(must_be_ours what names)
    list(FILTER names EXCLUDE REGEX "^(weft_|WEFT_)")
    if(NOT names STREQUAL "")
        message(FATAL_ERROR "${what} of weft.h, without the prefix: ${names}")
    endif()
endfunction()
set(plain -std=c17 -Wall -Wextra -Werror -O2 "-I${prefix}/include") # without the sanitizers' calls
must(${C_COMPILER} ${plain} -c "${SOURCE}/names.c" -o "${WORK}/names.o")
must(${NM} -u -P "${WORK}/names.o")
string(REGEX MATCHALL "[^\n ]+ U" symbols "${output}")
list(TRANSFORM symbols REPLACE " U$" "")
if(NOT "weft_lock_slow" IN_LIST symbols AND NOT "weft_lock" IN_LIST symbols)
    message(FATAL_ERROR "names.c does not lock: ${output}")
endif()
list(REMOVE_ITEM symbols _GLOBAL_OFFSET_TABLE_)
must_be_ours("symbols" "${symbols}")

# ... the preprocessor's
file(WRITE "${WORK}/without.c" "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n")
must(${C_COMPILER} ${plain} -E -dM "${WORK}/without.c")
string(REGEX MATCHALL "#define [A-Za-z0-9_]+" others "${output}")
must(${C_COMPILER} ${plain} -E -dM -x c "${prefix}/include/weft.h")
string(REGEX MATCHALL "#define [A-Za-z0-9_]+" macros "${output}")
list(REMOVE_ITEM macros ${others})
list(TRANSFORM macros REPLACE "#define " "")
if(NOT "WEFT_UNBOUNDED" IN_LIST macros)
    message(FATAL_ERROR "the header's macros are not found: ${macros}")
endif()
must_be_ours("macros" "${macros}")
