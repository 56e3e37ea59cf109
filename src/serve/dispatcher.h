// Dispatcher: carries a request of any protocol to a model and its answer back.
//
// A small request of a quick model is answered on the I/O thread that read it. Every other one is decoded on a handler,
// runs on a runner, and holds no thread while it waits. What would wait too long is refused before it is decoded.
// Not for: what bytes mean (a Protocol says that), which version answers (model_table.h).
// Threads: any. Ownership: borrows table and crew, which outlive the server whose requests come here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "os/http_server/http_message.h"
#include "os/http_server/responder.h"
#include "serve/crew.h"
#include "serve/limits.h"
#include "serve/model_table.h"

namespace arete::serve {

// What is to be asked of the model, and how the answer is said.
struct Question {
  ModelRequest request;
  std::function<os::HttpResponse(const ServedModel& model, const Inference& answer)> answer;
};

// How a protocol reads a body for a model; a response where it refuses it.
struct Protocol {
  ProtocolKind kind;
  std::variant<Question, os::HttpResponse> (*read)(const ServedModel& model, const os::HttpRequest& request,
                                                   const Limits& limits);
  os::HttpResponse (*refuse)(const Error& error);  // in the protocol's words
};

class Dispatcher {
 public:
  Dispatcher(ModelTable& table, Crew& crew, const Limits& limits) : table_(table), crew_(crew), limits_(limits) {}

  // `name` "" means the default model, `version` "" whichever answers now.
  void dispatch(const Protocol& protocol, std::string name, std::string version, os::HttpRequest request,
                os::Responder respond);

  ModelTable& table() const { return table_; }
  Crew& crew() const { return crew_; }
  const Limits& limits() const { return limits_; }

 private:
  struct Job;

  void wake(std::unique_ptr<Job> job);
  void start(std::unique_ptr<Job> job);
  void ask(std::unique_ptr<Job> job, RunOn where);
  void take(std::unique_ptr<Job> job, Result<Inference> inference);
  void answer(Job& job, const Result<Inference>& inference);
  void finish(Job& job, os::HttpResponse response);
  void compare_shadow(const Job& job, const Inference& inference);

  ModelTable& table_;
  Crew& crew_;
  const Limits limits_;
};

}  // namespace arete::serve
