// The C interface: what C++ callers cannot get wrong. NULLs, struct sizes, release, several frees.
#include "arete/c.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "arete/c_optimize.h"
#include "tests/api/models.h"

namespace {

struct Free {
  void operator()(arete_status* status) const { arete_status_free(status); }
  void operator()(arete_model* model) const { arete_model_free(model); }
  void operator()(arete_tensor* tensor) const { arete_tensor_free(tensor); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// The status is an error of that code with `text` in its message; frees it.
void expect_error(arete_status* status, arete_code code, const std::string& text) {
  const Owned<arete_status> owned(status);
  ASSERT_NE(status, nullptr) << "expected: " << text;
  EXPECT_EQ(arete_status_code(status), code) << arete_status_message(status);
  EXPECT_NE(std::string(arete_status_message(status)).find(text), std::string::npos) << arete_status_message(status);
}

class ApiC : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_MODELS(folder_);
    arete_model* made = nullptr;
    ASSERT_EQ(arete_model_open((folder_ + "/two_in_three_out.onnx").c_str(), nullptr, &made), nullptr);
    model_.reset(made);
    const std::int64_t shape[] = {1, 2};
    const float a[] = {1, 2};
    const std::int64_t b[] = {10, 20};
    arete_tensor* tensor = nullptr;
    ASSERT_EQ(arete_tensor_copy(ARETE_FLOAT32, shape, 2, a, sizeof a, &tensor), nullptr);
    a_.reset(tensor);
    ASSERT_EQ(arete_tensor_copy(ARETE_INT64, shape + 1, 1, b, sizeof b, &tensor), nullptr);
    b_.reset(tensor);
  }

  const std::string folder_ = arete::test::model_folder();
  Owned<arete_model> model_;
  Owned<arete_tensor> a_;
  Owned<arete_tensor> b_;
};

TEST_F(ApiC, RunsByNameAndByPlace) {
  arete_tensor* const by_place[] = {a_.get(), b_.get()};
  arete_tensor* const by_name[] = {b_.get(), a_.get()};
  const char* const names[] = {"b", "a"};
  for (const bool named : {false, true}) {
    arete_tensor* outputs[3];
    ASSERT_EQ(arete_model_run(model_.get(), named ? names : nullptr, named ? by_name : by_place, 2, outputs, 3),
              nullptr);
    EXPECT_EQ(static_cast<const float*>(arete_tensor_data(outputs[0]))[1], 22.0F);
    EXPECT_EQ(arete_tensor_rank(outputs[2]), 0U);
    EXPECT_EQ(arete_tensor_shape(outputs[2]), nullptr);
    EXPECT_EQ(arete_tensor_count(outputs[2]), 1U);
    for (arete_tensor* output : outputs) arete_tensor_free(output);
  }
}

TEST_F(ApiC, WrongArgumentsAreErrorsAndLeaveNothing) {
  arete_tensor* const inputs[] = {a_.get(), b_.get()};
  arete_tensor* const holes[] = {a_.get(), nullptr};
  const char* const names[] = {"a", nullptr};
  const char* const wrong[] = {"a", "x"};
  arete_tensor* const rubbish = a_.get();
  arete_tensor* outputs[3] = {rubbish, rubbish, rubbish};
  const arete_model* const model = model_.get();
  expect_error(arete_model_run(nullptr, nullptr, inputs, 2, outputs, 3), ARETE_INVALID, "model is NULL");
  for (const arete_tensor* output : outputs) EXPECT_EQ(output, nullptr);
  expect_error(arete_model_run(model, nullptr, nullptr, 2, outputs, 3), ARETE_INVALID, "inputs is NULL");
  expect_error(arete_model_run(model, nullptr, holes, 2, outputs, 3), ARETE_INVALID, "input 'b' is NULL");
  expect_error(arete_model_run(model, names, inputs, 2, outputs, 3), ARETE_INVALID, "names[1] is NULL");
  expect_error(arete_model_run(model, wrong, inputs, 2, outputs, 3), ARETE_INVALID, "'b'");
  expect_error(arete_model_run(model, nullptr, inputs, 1, outputs, 3), ARETE_INVALID, "has 2 inputs ('a', 'b'), got 1");
  expect_error(arete_model_run(model, nullptr, inputs, 2, outputs, 2), ARETE_INVALID,
               "has 3 outputs, there is room for 2");
  expect_error(arete_model_run(model, nullptr, inputs, 2, nullptr, 3), ARETE_INVALID, "outputs is NULL");
}

TEST(ApiCNull, EveryFunctionTakesIt) {
  arete_model* model = nullptr;
  arete_tensor* tensor = nullptr;
  arete_info* info = nullptr;
  arete_outcome* outcome = nullptr;
  const std::int64_t shape[] = {1};
  const char* const texts[] = {nullptr};
  expect_error(arete_model_open(nullptr, nullptr, &model), ARETE_INVALID, "path is NULL");
  expect_error(arete_model_open("x.onnx", nullptr, nullptr), ARETE_INVALID, "model is NULL");
  expect_error(arete_model_open_bytes(nullptr, 1, nullptr, nullptr, &model), ARETE_INVALID, "data is NULL");
  expect_error(arete_tensor_copy(ARETE_FLOAT32, shape, 1, nullptr, 4, &tensor), ARETE_INVALID, "data is NULL");
  expect_error(arete_tensor_copy(ARETE_FLOAT32, nullptr, 1, shape, 4, &tensor), ARETE_INVALID, "shape is NULL");
  expect_error(arete_tensor_copy(ARETE_FLOAT32, shape, 1, shape, 4, nullptr), ARETE_INVALID, "tensor is NULL");
  expect_error(arete_tensor_copy(ARETE_FLOAT32, shape, SIZE_MAX, shape, 4, &tensor), ARETE_EXHAUSTED, "rank");
  expect_error(arete_tensor_strings(shape, 1, texts, nullptr, 1, &tensor), ARETE_INVALID, "texts[0] is NULL");
  expect_error(arete_tensor_strings(shape, 1, nullptr, nullptr, 1, &tensor), ARETE_INVALID, "texts is NULL");
  expect_error(arete_info_read(nullptr, &info), ARETE_INVALID, "path is NULL");
  expect_error(arete_info_read("x.onnx", nullptr), ARETE_INVALID, "info is NULL");
  expect_error(arete_optimize(nullptr, &outcome), ARETE_INVALID, "request is NULL");
  EXPECT_EQ(arete_model_input_count(nullptr) + arete_model_output_count(nullptr), 0U);
  EXPECT_EQ(arete_model_input(nullptr, 0), nullptr);
  EXPECT_EQ(arete_model_output(nullptr, 0), nullptr);
  EXPECT_STREQ(arete_model_engine(nullptr), "");
  EXPECT_EQ(arete_tensor_dtype(nullptr), ARETE_UNDEFINED);
  EXPECT_EQ(arete_tensor_rank(nullptr) + arete_tensor_count(nullptr) + arete_tensor_size_bytes(nullptr), 0U);
  EXPECT_EQ(arete_tensor_data(nullptr), nullptr);
  EXPECT_EQ(arete_tensor_shape(nullptr), nullptr);
  EXPECT_EQ(arete_tensor_string(nullptr, 0, nullptr), nullptr);
  EXPECT_EQ(arete_status_code(nullptr), ARETE_OK);
  EXPECT_STREQ(arete_status_message(nullptr), "");
  arete_status_free(nullptr);
  arete_tensor_free(nullptr);
  arete_model_free(nullptr);
  arete_info_free(nullptr);
  arete_outcome_free(nullptr);
}

TEST(ApiCNames, UnknownNumbersHaveOne) {
  EXPECT_STREQ(arete_code_name(ARETE_OK), "ok");
  EXPECT_STREQ(arete_code_name(ARETE_NOT_FOUND), "not_found");
  EXPECT_STREQ(arete_code_name(ARETE_BUG), "bug");
  EXPECT_STREQ(arete_code_name(13), "unknown");
  EXPECT_STREQ(arete_code_name(-1), "unknown");
  EXPECT_STREQ(arete_dtype_name(ARETE_BFLOAT16), "bfloat16");
  EXPECT_STREQ(arete_dtype_name(ARETE_FLOAT6E3M2), "float6e3m2");
  EXPECT_STREQ(arete_dtype_name(29), "undefined");
  EXPECT_STREQ(arete_dtype_name(-5), "undefined");
}

// A program of an older header knows fewer members, one of a newer header more.
TEST_F(ApiC, StructSizesAreBelieved) {
  const std::string path = folder_ + "/scalar.onnx";
  arete_model* model = nullptr;
  arete_model_options options = ARETE_MODEL_OPTIONS_INIT;
  options.threads = -7;
  options.engine = "abacus";
  options.struct_size = offsetof(arete_model_options, threads);
  ASSERT_EQ(arete_model_open(path.c_str(), &options, &model), nullptr);
  arete_model_free(model);
  options.struct_size = offsetof(arete_model_options, engine);
  expect_error(arete_model_open(path.c_str(), &options, &model), ARETE_INVALID, "-7 threads");
  for (const std::size_t size : {std::size_t{0}, sizeof options + 8, SIZE_MAX}) {
    options.struct_size = size;
    expect_error(arete_model_open(path.c_str(), &options, &model), ARETE_INVALID, "options.struct_size");
    EXPECT_EQ(model, nullptr);
  }
}

TEST_F(ApiC, WhatIsLentIsGivenBackOnce) {
  int given_back = 0;
  const auto release = [](void* context) { ++*static_cast<int*>(context); };
  float lent[] = {1, 2};
  const std::int64_t shape[] = {1, 2};
  arete_tensor* tensor = nullptr;
  expect_error(arete_tensor_borrow(ARETE_FLOAT32, shape, 2, lent, 4, release, &given_back, &tensor), ARETE_INVALID,
               "needs 8 bytes, got 4");
  EXPECT_EQ(given_back, 0);
  ASSERT_EQ(arete_tensor_borrow(ARETE_FLOAT32, shape, 2, lent, sizeof lent, release, &given_back, &tensor), nullptr);
  arete_tensor* const inputs[] = {tensor, b_.get()};
  arete_tensor* outputs[3];
  ASSERT_EQ(arete_model_run(model_.get(), nullptr, inputs, 2, outputs, 3), nullptr);
  EXPECT_EQ(given_back, 0);
  arete_tensor_free(tensor);
  EXPECT_EQ(given_back, 1);
  for (arete_tensor* output : outputs) arete_tensor_free(output);
  EXPECT_EQ(given_back, 1);
}

TEST_F(ApiC, ValuesEnd) {
  EXPECT_STREQ(arete_model_input(model_.get(), 1)->name, "b");
  EXPECT_EQ(arete_model_input(model_.get(), 2), nullptr);
  EXPECT_EQ(arete_model_output(model_.get(), SIZE_MAX), nullptr);
}

}  // namespace
