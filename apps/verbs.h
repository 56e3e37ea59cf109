// The verbs of `arete`, one file each. argv[0] is the verb itself; the result is the exit status.
#pragma once

namespace arete::apps {

int run_info(int argc, char** argv);
int run_run(int argc, char** argv);
int run_bench(int argc, char** argv);
int run_optimize(int argc, char** argv);
int run_convert(int argc, char** argv);
int run_bundle(int argc, char** argv);
int run_keys(int argc, char** argv);
int run_passes(int argc, char** argv);

}  // namespace arete::apps
