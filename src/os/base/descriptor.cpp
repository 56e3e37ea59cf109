#include "os/base/descriptor.h"

#include <unistd.h>

namespace arete::os {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

}  // namespace arete::os
