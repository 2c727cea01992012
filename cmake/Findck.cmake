# Concurrency Kit, which brings no CMake package: the target ck::ck.
find_path(CK_INCLUDE_DIR ck_ec.h)
find_library(CK_LIBRARY ck)
mark_as_advanced(CK_INCLUDE_DIR CK_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ck REQUIRED_VARS CK_LIBRARY CK_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Concurrency Kit is missing: on Debian, install libck-dev")
if(ck_FOUND AND NOT TARGET ck::ck)
    add_library(ck::ck UNKNOWN IMPORTED)
    set_target_properties(ck::ck PROPERTIES
        IMPORTED_LOCATION "${CK_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${CK_INCLUDE_DIR}")
endif()
