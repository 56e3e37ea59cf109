# One interface target `dep_NAME` for each third-party name of src/rooms.txt. Only rooms.cmake and
# this file link them. A name whose library is not installed gets no target; a room that needs it
# then says so at configure time.
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)

function(arete_dependency name)
  add_library(dep_${name} INTERFACE)
  target_link_libraries(dep_${name} INTERFACE ${ARGN})
endfunction()

# The official onnx library, built from its source distribution (docs/adr/0002).
set(ONNX_DIR "${ARETE_DEPS}/onnx")
if(NOT EXISTS "${ONNX_DIR}/onnx/onnx-ml.proto")
  message(FATAL_ERROR "no onnx sources in ${ONNX_DIR}: run tools/install first")
endif()
file(STRINGS "${ONNX_DIR}/VERSION_NUMBER" ONNX_VERSION LIMIT_COUNT 1)
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)\\.([0-9]+)" _ "${ONNX_VERSION}")
set(ONNX_VERSION_MAJOR ${CMAKE_MATCH_1})
set(ONNX_VERSION_MINOR ${CMAKE_MATCH_2})
set(ONNX_VERSION_PATCH ${CMAKE_MATCH_3})
set(onnx_gen "${CMAKE_BINARY_DIR}/onnx_gen")
configure_file("${ONNX_DIR}/onnx/common/version.h.in" "${onnx_gen}/onnx/common/version.h" @ONLY)
# Its shape inference hands operators a null pointer for a type that is not known, which EyeLike, Loop,
# TreeEnsemble and others follow, and makes an entry for each element of any 1-D tensor (4 GB for 10^8):
# here the type is an empty one, which all of them test, and only tensors as long as a shape count.
function(onnx_patch from to)
  string(FIND "${header}" "${from}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "onnx/shape_inference/implementation.h has no '${from}': look at this patch anew")
  endif()
  string(REPLACE "${from}" "${to}" header "${header}")
  set(header "${header}" PARENT_SCOPE)
endfunction()
file(READ "${ONNX_DIR}/onnx/shape_inference/implementation.h" header)
onnx_patch("return allInputTypes_[index];"
           "static const TypeProto unknown; return allInputTypes_[index] != nullptr ? allInputTypes_[index] : &unknown;")
onnx_patch("(shape.dim(0).has_dim_value())) {" "(shape.dim(0).has_dim_value()) && shape.dim(0).dim_value() <= 1024) {")
file(CONFIGURE OUTPUT "${onnx_gen}/onnx/shape_inference/implementation.h" CONTENT "${header}" @ONLY)
foreach(proto onnx-ml onnx-operators-ml onnx-data)
  list(APPEND onnx_pb_cc "${onnx_gen}/onnx/${proto}.pb.cc")
  list(APPEND onnx_pb_in "${ONNX_DIR}/onnx/${proto}.proto")
endforeach()
add_custom_command(OUTPUT ${onnx_pb_cc} COMMAND protobuf::protoc -I "${ONNX_DIR}" --cpp_out "${onnx_gen}" ${onnx_pb_in}
                   DEPENDS ${onnx_pb_in} VERBATIM)
file(GLOB_RECURSE onnx_cc CONFIGURE_DEPENDS "${ONNX_DIR}/onnx/*.cc")
list(FILTER onnx_cc EXCLUDE REGEX "/cpp2py_export\\.cc$")
add_library(onnx STATIC ${onnx_cc} ${onnx_pb_cc})
set_target_properties(onnx PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6 EXPORT_COMPILE_COMMANDS OFF)
# These two and the generated files do not share a translation unit with others.
set_source_files_properties("${ONNX_DIR}/onnx/defs/schema.cc" "${ONNX_DIR}/onnx/defs/tensor_proto_util.cc" ${onnx_pb_cc}
                            PROPERTIES SKIP_UNITY_BUILD_INCLUSION TRUE)
target_include_directories(onnx SYSTEM PUBLIC "${onnx_gen}" "${ONNX_DIR}")
target_compile_definitions(onnx PUBLIC ONNX_NAMESPACE=onnx ONNX_ML=1 ONNX_USE_LITE_PROTO=1)
target_compile_options(onnx PRIVATE -w -fwrapv)  # hostile sizes overflow in its arithmetic
target_link_libraries(onnx PUBLIC protobuf::libprotobuf-lite)
arete_dependency(onnx onnx)
arete_dependency(protobuf protobuf::libprotobuf-lite)

# ONNX Runtime: headers only; the library is opened at run time.
add_library(dep_ort_headers INTERFACE)
target_include_directories(dep_ort_headers SYSTEM INTERFACE "${ARETE_DEPS}/onnxruntime/include")
target_compile_definitions(dep_ort_headers INTERFACE ORT_API_MANUAL_INIT)
target_link_libraries(dep_ort_headers INTERFACE ${CMAKE_DL_LIBS})
# The built programs find the engine's library in lib/ beside them.
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
file(CREATE_LINK "${ARETE_DEPS}/onnxruntime/lib/libonnxruntime.so.1" "${CMAKE_BINARY_DIR}/lib/libonnxruntime.so.1" SYMBOLIC)

find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(SPNG REQUIRED IMPORTED_TARGET spng)
arete_dependency(zlib ZLIB::ZLIB)
arete_dependency(nlohmann nlohmann_json::nlohmann_json)
arete_dependency(spdlog spdlog::spdlog)
arete_dependency(boost Threads::Threads)
arete_dependency(openssl OpenSSL::SSL OpenSSL::Crypto)
arete_dependency(turbojpeg PkgConfig::TURBOJPEG)
arete_dependency(spng PkgConfig::SPNG)
arete_dependency(cli11 CLI11::CLI11)
