// The official cases as make_cases.py wrote them, and the reviewed list of what becomes of each (cases.txt).
// Threads: pure but for the files that are read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"

namespace arete::conformance {

struct CaseRow {
  std::string name;  // "node/test_abs"
  std::string how;   // how its runnable form was made: "raised from opset 6"; "" where it is the official model itself
};

struct Case {
  SharedBytes official;  // the model as the wheel gives it
  SharedBytes runnable;  // the same bytes, or those of a form that can be run
  std::vector<NamedTensor> inputs;
  std::vector<NamedTensor> expected;  // what the wheel says; may lack outputs that are no tensors, or all
};

// Where make_cases.py put them, made on the first call for each version of the scripts and of the wheel; "" without the
// test venv.
std::string cases_folder();
Result<std::vector<CaseRow>> read_index(const std::string& folder);
Result<Case> read_case(const std::string& folder, const CaseRow& row);

// Case -> what becomes of it: "run", or why not.
using CaseList = std::map<std::string, std::string, std::less<>>;
CaseList read_list();
void write_list(const CaseList& list);

}  // namespace arete::conformance
