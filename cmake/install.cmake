# What `cmake --install` puts where: programs, libraries, headers, the CMake package and pkg-config files. The installed tree
# can be moved: everything in it finds its neighbours by relative paths.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The version stands in the project() line and, for the preprocessor, in the public header.
file(STRINGS "${CMAKE_SOURCE_DIR}/include/arete/version.h" version_line REGEX "define ARETE_VERSION ")
if(NOT version_line MATCHES "\"${PROJECT_VERSION}\"")
  message(FATAL_ERROR "include/arete/version.h does not say ${PROJECT_VERSION}, the version of the project")
endif()

set_target_properties(arete_library PROPERTIES EXPORT_NAME arete)
set_target_properties(arete_run_library PROPERTIES EXPORT_NAME run)
install(TARGETS arete arete-engine arete-serve RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS arete_library arete_run_library EXPORT arete LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${CMAKE_SOURCE_DIR}/include/arete" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

# The engine's library, in a folder of our own, so that another ONNX Runtime of the system stays what it is. Programs look
# in ../lib/arete, our libraries in arete and ../arete beside themselves (Debian's lib/x86_64-linux-gnu).
file(REAL_PATH "${ARETE_DEPS}/onnxruntime/lib/libonnxruntime.so.1" engine_library)
install(PROGRAMS "${engine_library}" DESTINATION lib/arete RENAME libonnxruntime.so.1)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/arete")
install(EXPORT arete NAMESPACE arete:: FILE arete-targets.cmake DESTINATION "${package_folder}")
configure_package_config_file(cmake/arete-config.cmake.in "${CMAKE_BINARY_DIR}/package/arete-config.cmake"
                              INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/package/arete-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/package/arete-config.cmake" "${CMAKE_BINARY_DIR}/package/arete-config-version.cmake"
        DESTINATION "${package_folder}")

file(RELATIVE_PATH pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
foreach(library arete arete-run)
  set(pc_library ${library})
  configure_file(cmake/arete.pc.in "${CMAKE_BINARY_DIR}/package/${library}.pc" @ONLY)
  install(FILES "${CMAKE_BINARY_DIR}/package/${library}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" "${CMAKE_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES "${ARETE_DEPS}/onnxruntime/LICENSE" "${ARETE_DEPS}/onnxruntime/ThirdPartyNotices.txt"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}/onnxruntime")
