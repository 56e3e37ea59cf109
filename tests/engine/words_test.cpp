// The words of ONNX Runtime without the places in its source files.
#include "engine/onnxruntime/words.h"

#include <gtest/gtest.h>

namespace arete::engine {
namespace {

TEST(TrimEngineWords, TakesOutSourcePlacesAndPrefixes) {
  // Each first text is what version 1.31.1 said.
  EXPECT_EQ(trim_engine_words("Exception during initialization: /onnxruntime_src/onnxruntime/core/"
                              "optimizer/initializer.cc:51 onnxruntime::Initializer::Initializer("
                              "const onnx::TensorProto&, const std::filesystem::__cxx11::path&) "
                              "[ONNXRuntimeError] : 1 : FAIL : tensorprotoutils.cc:1876 "
                              "GetExtDataFromTensorProto External initializer: w offset: -1"),
            "Exception during initialization: External initializer: w offset: -1");
  EXPECT_EQ(trim_engine_words("Non-zero status code returned while running Reshape node. Name:'' "
                              "Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/"
                              "tensor/reshape_helper.h:47 onnxruntime::ReshapeHelper::"
                              "ReshapeHelper(const onnxruntime::TensorShape&, "
                              "onnxruntime::TensorShapeVector&, bool) size != 0 && "
                              "(input_shape_size % size) == 0 was false. The input tensor cannot "
                              "be reshaped to the requested shape.\n"),
            "Non-zero status code returned while running Reshape node. Name:'' Status Message: The "
            "input tensor cannot be reshaped to the requested shape.");
  EXPECT_EQ(trim_engine_words("/a/b.cc:1 virtual Status ns::F<T>::f(int) const [with T = int] x"), "x");
  EXPECT_EQ(trim_engine_words("/a/b.cc:1 f() !path.empty() was false. "), "!path.empty() was false.");
}

TEST(TrimEngineWords, SurvivesAnyText) {
  EXPECT_EQ(trim_engine_words(""), "");
  EXPECT_EQ(trim_engine_words("  plain   words\n"), "plain words");
  EXPECT_EQ(trim_engine_words("ratio 3:4 in model.h5:x"), "ratio 3:4 in model.h5:x");
  EXPECT_EQ(trim_engine_words("/a.cc:1"), "");
  EXPECT_EQ(trim_engine_words("/a.cc:1 f("), "");
  EXPECT_EQ(trim_engine_words("/a.cc:1 f)) x"), "x");
  EXPECT_EQ(trim_engine_words("[ONNXRuntimeError] : 1"), "");
  EXPECT_EQ(trim_engine_words(std::string(10000, 'x')).size(), kMaxEngineWords + 3);
}

}  // namespace
}  // namespace arete::engine
