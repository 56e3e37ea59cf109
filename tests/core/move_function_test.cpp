#include "core/move_function.h"

#include <memory>

#include "tests/support/assert.h"

namespace arete {
namespace {

TEST(MoveFunction, OwnsWhatCannotBeCopied) {
  auto owned = std::make_unique<int>(3);
  MoveFunction<int(int)> add = [owned = std::move(owned)](int more) { return *owned += more; };
  EXPECT_EQ(add(1), 4);
  MoveFunction<int(int)> moved = std::move(add);
  EXPECT_EQ(moved(1), 5);
  EXPECT_TRUE(moved);
  EXPECT_FALSE(MoveFunction<void()>());
}

TEST(MoveFunction, HandsArgumentsOnWithoutCopies) {
  MoveFunction<std::unique_ptr<int>(std::unique_ptr<int>)> same = [](std::unique_ptr<int> x) { return x; };
  EXPECT_EQ(*same(std::make_unique<int>(7)), 7);
}

}  // namespace
}  // namespace arete
