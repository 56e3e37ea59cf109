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
# Patches of its shape inference against hostile models, which our verifier cannot foresee. onnx_take(FILE), one
# onnx_patch(FROM TO) for each text to replace, onnx_give(); a text that is gone is an error, so that a new version is looked at.
macro(onnx_take file)
  set(patched "${file}")
  file(READ "${ONNX_DIR}/${file}" source)
endmacro()
function(onnx_patch from to)
  string(FIND "${source}" "${from}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "${patched} has no '${from}': look at this patch anew")
  endif()
  string(REPLACE "${from}" "${to}" source "${source}")
  set(source "${source}" PARENT_SCOPE)
endfunction()
function(onnx_give)  # written only when it differs, so that nothing is built anew
  set(old "")
  if(EXISTS "${onnx_gen}/${patched}")
    file(READ "${onnx_gen}/${patched}" old)
  endif()
  if(NOT source STREQUAL old)
    file(WRITE "${onnx_gen}/${patched}" "${source}")
  endif()
endfunction()
# Operators follow a null pointer for a type that is not known (EyeLike, Loop, TreeEnsemble and others): here the type is an
# empty one, which all of them test. Only tensors as long as a shape are computed (4 GB for 10^8 elements).
onnx_take(onnx/shape_inference/implementation.h)
onnx_patch("return allInputTypes_[index];"
           "static const TypeProto unknown; return allInputTypes_[index] != nullptr ? allInputTypes_[index] : &unknown;")
onnx_patch("(shape.dim(0).has_dim_value())) {" "(shape.dim(0).has_dim_value()) && shape.dim(0).dim_value() <= 1024) {")
onnx_patch("void addOutputData(size_t index, TensorShapeProto&& tsp) override {"
           "void addOutputData(size_t index, TensorShapeProto&& tsp) override { if (tsp.dim_size() > 1024) return;")
onnx_give()
# Concat grows without a limit, Slice counts in int and never ends past 2^31, Split believes its attribute.
onnx_take(onnx/defs/tensor/defs.cc)
onnx_patch("*tsp.add_dim() = input_data->dim(j);" "if (tsp.dim_size() > 1024) return; *tsp.add_dim() = input_data->dim(j);")
onnx_patch("for (int i = start; i < end; i += step) {"
           "for (int64_t i = start; i < end && i >= 0 && i < input_data->dim_size(); i += step) {")
onnx_patch("for (int i = start; i > end; i += step) {"
           "for (int64_t i = start; i > end && i >= 0 && i < input_data->dim_size(); i += step) {")
onnx_patch("if (num_outputs < 1) {" "if (num_outputs < 1 || static_cast<size_t>(num_outputs) != ctx.getNumOutputs()) {")
onnx_give()
# The older Expand makes an axis for each element of its shape.
onnx_take(onnx/defs/math/old.cc)
onnx_patch("int64_t dim_value = shape_input_shape.dim(0).dim_value();"
           "int64_t dim_value = shape_input_shape.dim(0).dim_value(); if (dim_value > 1024) return;")
onnx_give()
foreach(proto onnx-ml onnx-operators-ml onnx-data)
  list(APPEND onnx_pb_cc "${onnx_gen}/onnx/${proto}.pb.cc")
  list(APPEND onnx_pb_in "${ONNX_DIR}/onnx/${proto}.proto")
endforeach()
add_custom_command(OUTPUT ${onnx_pb_cc} COMMAND protobuf::protoc -I "${ONNX_DIR}" --cpp_out "${onnx_gen}" ${onnx_pb_in}
                   DEPENDS ${onnx_pb_in} VERBATIM)
file(GLOB_RECURSE onnx_cc CONFIGURE_DEPENDS "${ONNX_DIR}/onnx/*.cc")
list(FILTER onnx_cc EXCLUDE REGEX "/cpp2py_export\\.cc$")
foreach(patched onnx/defs/tensor/defs.cc onnx/defs/math/old.cc)
  list(REMOVE_ITEM onnx_cc "${ONNX_DIR}/${patched}")
  list(APPEND onnx_cc "${onnx_gen}/${patched}")
endforeach()
add_library(onnx STATIC ${onnx_cc} ${onnx_pb_cc})
set_target_properties(onnx PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6 EXPORT_COMPILE_COMMANDS OFF)
# These two and the generated files do not share a translation unit with others.
set_source_files_properties("${ONNX_DIR}/onnx/defs/schema.cc" "${ONNX_DIR}/onnx/defs/tensor_proto_util.cc" ${onnx_pb_cc}
                            PROPERTIES SKIP_UNITY_BUILD_INCLUSION TRUE)
target_include_directories(onnx SYSTEM PUBLIC "${onnx_gen}" "${ONNX_DIR}")
target_compile_definitions(onnx PUBLIC ONNX_NAMESPACE=onnx ONNX_ML=1 ONNX_USE_LITE_PROTO=1)
target_compile_options(onnx PRIVATE -w -fwrapv)  # hostile sizes overflow in its arithmetic
# Instrumented it takes half of a sanitizer build's time; the fuzz preset, which feeds it hostile bytes, does so.
if(ARETE_SANITIZE AND NOT ARETE_FUZZ)
  target_compile_options(onnx PRIVATE -fno-sanitize=all)
endif()
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
find_package(simdjson REQUIRED)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(SPNG REQUIRED IMPORTED_TARGET spng)
pkg_check_modules(HIGHWAY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_package(CURL REQUIRED)
arete_dependency(zlib ZLIB::ZLIB)
arete_dependency(nlohmann nlohmann_json::nlohmann_json)
arete_dependency(spdlog spdlog::spdlog)
arete_dependency(boost Threads::Threads)
arete_dependency(openssl OpenSSL::SSL OpenSSL::Crypto)
arete_dependency(turbojpeg PkgConfig::TURBOJPEG)
arete_dependency(spng PkgConfig::SPNG)
arete_dependency(highway PkgConfig::HIGHWAY)
arete_dependency(simdjson simdjson::simdjson)
arete_dependency(zstd PkgConfig::ZSTD)
arete_dependency(curl CURL::libcurl)
arete_dependency(cli11 CLI11::CLI11)

# gRPC, an option: some 50 shared libraries more. Without it the rooms that name it are left out (docs/adr/0007).
if(NOT ARETE_GRPC)
  list(APPEND ARETE_LEFT_OUT grpc)
  message(STATUS "Without gRPC: -DARETE_GRPC=ON adds the option --grpc-port to arete serve")
  return()
endif()
pkg_check_modules(GRPC IMPORTED_TARGET grpc++)
if(NOT GRPC_FOUND)
  message(FATAL_ERROR "ARETE_GRPC is ON, but libgrpc++-dev is not installed: run tools/install grpc")
endif()
# The messages alone: calls are taken as bytes, so the generator of services is not needed.
set(grpc_proto "${CMAKE_SOURCE_DIR}/src/serve/grpc/open_inference.proto")
set(grpc_gen "${CMAKE_BINARY_DIR}/grpc_gen")
file(MAKE_DIRECTORY "${grpc_gen}")
add_custom_command(OUTPUT "${grpc_gen}/open_inference.pb.cc" "${grpc_gen}/open_inference.pb.h"
                   COMMAND protobuf::protoc -I "${CMAKE_SOURCE_DIR}/src/serve/grpc" --cpp_out "${grpc_gen}" "${grpc_proto}"
                   DEPENDS "${grpc_proto}" VERBATIM)
add_library(open_inference STATIC "${grpc_gen}/open_inference.pb.cc")
set_target_properties(open_inference PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
target_include_directories(open_inference SYSTEM PUBLIC "${grpc_gen}")
target_compile_options(open_inference PRIVATE -w)
target_link_libraries(open_inference PUBLIC PkgConfig::GRPC protobuf::libprotobuf)  # not the lite one: grpc++ has the whole
arete_dependency(grpc open_inference)
