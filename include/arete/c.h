// Arete in C: open a model, ask what it takes, run it. (C++: model.h. What a model holds, and making it smaller:
// c_optimize.h.) The one binary interface of Arete; C11, and C++ from C++17.
//
// Not for: images and records (the server and `arete optimize` read those), training.
//
// Errors: a function that can fail returns NULL when it did its work, else a status that the caller frees. Then every
// handle that it should have made is NULL. NULL handles and wrong arguments are errors or, for functions that return a
// value, give 0 or NULL; nothing throws, prints or ends the process. (A handle used after it was freed is a bug that
// nobody can catch.)
// Ownership: what a function hands out through its last argument is freed by the caller, with the _free of its type,
// which takes NULL. Everything returned as a `const` pointer belongs to the handle that was asked, and lives as long.
// What goes in is borrowed for the call and may be freed after it; only arete_tensor_borrow keeps a pointer.
// Threads: handles may be passed between threads; functions that take them as const, arete_model_run above all, may be
// called on one handle from several threads at once. Free a handle when no other thread uses it.
// Texts: UTF-8 that ends with NUL, never NULL where they are handed out ("" instead).
// Limits: 64 axes and 2^40 bytes a tensor, 2 GiB a model file (its external data may be larger).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arete/version.h"

#if defined(__GNUC__)
#define ARETE_API __attribute__((visibility("default")))
#define ARETE_MUST_USE __attribute__((warn_unused_result))
#else
#define ARETE_API
#define ARETE_MUST_USE
#endif

#ifdef __cplusplus
#define ARETE_NOEXCEPT noexcept
extern "C" {
#else
#define ARETE_NOEXCEPT
#endif

// The loaded library's version, "0.1.0".
ARETE_API const char* arete_version(void) ARETE_NOEXCEPT;

// ---- Errors ----

typedef int32_t arete_code;
enum {
  ARETE_OK = 0,
  ARETE_INVALID = 1,      // an argument or a model breaks a rule; the message names it
  ARETE_NOT_FOUND = 2,    // a named thing is not there
  ARETE_CONFLICT = 3,     // it clashes with something that is already there
  ARETE_UNSUPPORTED = 4,  // valid, but not something that this build or engine can do
  ARETE_CORRUPT = 5,      // bytes that do not decode
  ARETE_UNTRUSTED = 6,    // a signature, path or origin that must not be believed
  ARETE_UNAVAILABLE = 7,  // try later, or start the thing first: the engine's library is not there
  ARETE_TIMEOUT = 8,
  ARETE_EXHAUSTED = 9,   // a limit of size, count, memory or disk
  ARETE_CANCELLED = 10,  // stop_requested said so
  ARETE_IO = 11,         // the operating system said no
  ARETE_BUG = 12         // our own mistake: please report it
};

typedef struct arete_status arete_status;  // NULL: done

ARETE_API arete_code arete_status_code(const arete_status* status) ARETE_NOEXCEPT;
// What is wrong with what, and where there is one the fix; "" for NULL.
ARETE_API const char* arete_status_message(const arete_status* status) ARETE_NOEXCEPT;
ARETE_API void arete_status_free(arete_status* status) ARETE_NOEXCEPT;
// "not_found"; "unknown" for a number that is no code.
ARETE_API const char* arete_code_name(arete_code code) ARETE_NOEXCEPT;

// ---- Tensors ----

// Element types, by the numbers of ONNX's TensorProto.DataType. Elements lie packed in row-major order (the last axis
// is the fastest), little endian, in (count * bits + 7) / 8 bytes:
//   bool                    a byte that is 0 or 1
//   float16, bfloat16       2 bytes: IEEE 754 binary16; the upper half of a float32
//   complex                 two floats: real, imaginary
//   4, 2 and 6 bits         one after the other without gaps, each from the lowest free bit on: int4 two a byte, the
//                           first in the low half
//   string                  no bytes: texts of any length and content (arete_tensor_string)
// ONNX Runtime takes no complex tensors and none from ARETE_FLOAT4E2M1 on: ARETE_UNSUPPORTED.
typedef int32_t arete_dtype;
enum {
  ARETE_UNDEFINED = 0,
  ARETE_FLOAT32 = 1,
  ARETE_UINT8 = 2,
  ARETE_INT8 = 3,
  ARETE_UINT16 = 4,
  ARETE_INT16 = 5,
  ARETE_INT32 = 6,
  ARETE_INT64 = 7,
  ARETE_STRING = 8,
  ARETE_BOOL = 9,
  ARETE_FLOAT16 = 10,
  ARETE_FLOAT64 = 11,
  ARETE_UINT32 = 12,
  ARETE_UINT64 = 13,
  ARETE_COMPLEX64 = 14,
  ARETE_COMPLEX128 = 15,
  ARETE_BFLOAT16 = 16,
  ARETE_FLOAT8E4M3FN = 17,
  ARETE_FLOAT8E4M3FNUZ = 18,
  ARETE_FLOAT8E5M2 = 19,
  ARETE_FLOAT8E5M2FNUZ = 20,
  ARETE_UINT4 = 21,
  ARETE_INT4 = 22,
  ARETE_FLOAT4E2M1 = 23,
  ARETE_FLOAT8E8M0 = 24,
  ARETE_UINT2 = 25,
  ARETE_INT2 = 26,
  ARETE_FLOAT6E2M3 = 27,
  ARETE_FLOAT6E3M2 = 28
};
// "float32"; "undefined" for a number that is no dtype.
ARETE_API const char* arete_dtype_name(arete_dtype dtype) ARETE_NOEXCEPT;

typedef struct arete_tensor arete_tensor;  // never changes once it is made

// Of a copy of the bytes. shape has `rank` sizes (rank 0: one element, shape may be NULL); ARETE_INVALID unless
// size_bytes is what dtype and shape need.
ARETE_API ARETE_MUST_USE arete_status* arete_tensor_copy(arete_dtype dtype, const int64_t* shape, size_t rank,
                                                         const void* data, size_t size_bytes,
                                                         arete_tensor** tensor) ARETE_NOEXCEPT;
// Of the bytes where they lie: they must stay unchanged until the tensor is freed, when release(context) is called in
// the freeing thread, unless release is NULL. It is not called when this fails. Outputs of a run never share them.
ARETE_API ARETE_MUST_USE arete_status* arete_tensor_borrow(arete_dtype dtype, const int64_t* shape, size_t rank,
                                                           const void* data, size_t size_bytes,
                                                           void (*release)(void* context), void* context,
                                                           arete_tensor** tensor) ARETE_NOEXCEPT;
// Of copies of `count` texts. lengths in bytes, or NULL where each text ends with NUL.
ARETE_API ARETE_MUST_USE arete_status* arete_tensor_strings(const int64_t* shape, size_t rank, const char* const* texts,
                                                            const size_t* lengths, size_t count,
                                                            arete_tensor** tensor) ARETE_NOEXCEPT;
ARETE_API void arete_tensor_free(arete_tensor* tensor) ARETE_NOEXCEPT;

ARETE_API arete_dtype arete_tensor_dtype(const arete_tensor* tensor) ARETE_NOEXCEPT;
ARETE_API size_t arete_tensor_rank(const arete_tensor* tensor) ARETE_NOEXCEPT;
ARETE_API const int64_t* arete_tensor_shape(const arete_tensor* tensor) ARETE_NOEXCEPT;
ARETE_API size_t arete_tensor_count(const arete_tensor* tensor) ARETE_NOEXCEPT;  // elements
// NULL for strings and where there are no bytes. Aligned for the dtype, unless the lender's bytes were not.
ARETE_API const void* arete_tensor_data(const arete_tensor* tensor) ARETE_NOEXCEPT;
ARETE_API size_t arete_tensor_size_bytes(const arete_tensor* tensor) ARETE_NOEXCEPT;
// Element `index` of a string tensor and, where length is not NULL, its bytes; NULL where there is none.
ARETE_API const char* arete_tensor_string(const arete_tensor* tensor, size_t index, size_t* length) ARETE_NOEXCEPT;

// ---- Models ----

// What a model takes or gives. Made by the library alone; later versions add members at the end.
typedef struct arete_value {
  const char* name;
  arete_dtype dtype;
  int32_t rank;             // -1: not known
  const int64_t* shape;     // `rank` sizes; -1 where any size will do
  const char* const* axes;  // `rank` names of the axes that have one ("N"), "" for the others
} arete_value;

// How a model is opened. Start from ARETE_MODEL_OPTIONS_INIT.
typedef struct arete_model_options {
  size_t struct_size;  // sizeof(arete_model_options): tells the library which members there are
  int32_t threads;     // 0: all physical cores
  const char* engine;  // NULL: ONNX Runtime
  const char*
      engine_library;  // a file to use as the engine's library; NULL: the one installed with Arete. One a process
} arete_model_options;
// clang-format off
#define ARETE_MODEL_OPTIONS_INIT {sizeof(arete_model_options), 0, NULL, NULL}
// clang-format on

typedef struct arete_model arete_model;  // a model in an engine, ready to run

// An .onnx file; external data may lie in its folder. The file must not be changed in place while the model is used
// (replacing it is fine). options may be NULL.
ARETE_API ARETE_MUST_USE arete_status* arete_model_open(const char* path, const arete_model_options* options,
                                                        arete_model** model) ARETE_NOEXCEPT;
// The same from a copy of the bytes of one; without external data. `name` is for messages (NULL: "model").
ARETE_API ARETE_MUST_USE arete_status* arete_model_open_bytes(const void* data, size_t size_bytes, const char* name,
                                                              const arete_model_options* options,
                                                              arete_model** model) ARETE_NOEXCEPT;
// Tensors that it gave live on.
ARETE_API void arete_model_free(arete_model* model) ARETE_NOEXCEPT;

ARETE_API const char* arete_model_engine(const arete_model* model) ARETE_NOEXCEPT;  // "onnxruntime 1.31.1"
ARETE_API size_t arete_model_input_count(const arete_model* model) ARETE_NOEXCEPT;
ARETE_API size_t arete_model_output_count(const arete_model* model) ARETE_NOEXCEPT;
// NULL where there is none.
ARETE_API const arete_value* arete_model_input(const arete_model* model, size_t index) ARETE_NOEXCEPT;
ARETE_API const arete_value* arete_model_output(const arete_model* model, size_t index) ARETE_NOEXCEPT;

// One run, which blocks until it is done. inputs[i] goes to the input called names[i], in any order; with names NULL,
// to the model's i-th input. Every input must be given. outputs must have room for output_count = the model's outputs,
// in whose order they come; the caller frees each. ARETE_INVALID says which input wants what and got what.
ARETE_API ARETE_MUST_USE arete_status* arete_model_run(const arete_model* model, const char* const* names,
                                                       arete_tensor* const* inputs, size_t input_count,
                                                       arete_tensor** outputs, size_t output_count) ARETE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
