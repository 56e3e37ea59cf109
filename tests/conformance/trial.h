// A trial: one model on one engine with one set of inputs. What becomes of the original, and whether its rewrites run
// alike. Threads: none shared. The engine outlives the trial.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "graph/onnx_io.h"
#include "tests/conformance/rewrites.h"

namespace arete::conformance {

std::unique_ptr<engine::Engine> make_engine();

using Outputs = std::vector<NamedTensor>;

class Trial {
 public:
  Trial(engine::Engine& engine, SharedBytes original, std::vector<NamedTensor> inputs)
      : engine_(engine), original_(std::move(original)), inputs_(std::move(inputs)) {}

  // Opens and runs the original. What the list says of it: "run", "not numeric: ...", "engine cannot:
  // ..."; and "Arete cannot: ...", which it never may. `read` is the original as Arete read it.
  std::string judge(const Result<graph::ReadModel>& read);
  // After judge(): the rewritten model, saved and run, gives the same. "" or what is wrong. Counts what it did in
  // tally().
  std::string check(const RewriteRow& row, const graph::Model& model);
  // The same of the saved model with the engine's own optimisations on. Only close where reading made constants of
  // weights that were inputs too: the engine then fuses more.
  std::string check_saved_as_users_run_it(const graph::ReadModel& read);

  // The rewritten model as check() makes it.
  Result<graph::Model> rewrite(const RewriteRow& row, const graph::Model& model);
  const Outputs& outputs() const { return outputs_; }  // of the original
  std::map<std::string, int>& tally() { return tally_; }

 private:
  Result<Outputs> run(const SharedBytes& model, bool optimise);
  Result<Outputs> save_and_run(const graph::Model& model, bool optimise);

  engine::Engine& engine_;
  SharedBytes original_;
  std::vector<NamedTensor> inputs_;
  Outputs outputs_;
  std::set<std::string> held_;  // files that ran and gave the same to the bit
  std::map<std::string, int> tally_;
};

Result<graph::ReadModel> read_and_verify(const SharedBytes& bytes);

// Model -> bytes -> model and model -> text -> model: the same text and the same bytes. "" or what is wrong.
std::string round_trip_fault(const graph::Model& read);

// Both as text, where they are small enough to look at.
std::string texts(const graph::Model& before, const graph::Model& after);

}  // namespace arete::conformance
