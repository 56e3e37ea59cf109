#include "apps/verbs.h"
namespace arete::apps { int run_optimize(int, char**) { return 5; } }
