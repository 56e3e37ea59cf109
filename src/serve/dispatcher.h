// Dispatcher: carries a request of any protocol to a model and its answer back.
//
// A small request of a quick model is answered on the I/O thread that read it. Every other one is decoded on a handler,
// runs on a runner, and holds no thread while it waits. What would wait too long is refused before it is decoded.
// Not for: what bytes mean (a Call, or over HTTP a Protocol, says that), which version answers (model_table.h).
// Threads: any. Ownership: borrows table and crew, which outlive the server whose requests come here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "os/http_server/http_message.h"
#include "os/http_server/responder.h"
#include "serve/crew.h"
#include "serve/limits.h"
#include "serve/model_table.h"

namespace arete::serve {

// One request for an answer, in the words of its protocol: reads itself, and says what became of it.
// Threads: one at a time, of any. The dispatcher owns it until it was sent; one that ends unsent must say so itself.
class Call {
 public:
  // `name` "" means the default model, `version` "" whichever answers now; `bytes` are the request's.
  Call(ProtocolKind kind, std::string name, std::string version, std::size_t bytes)
      : kind_(kind), name_(std::move(name)), version_(std::move(version)), bytes_(bytes) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // What it asks of this model; nothing where it refused that, in its own words.
  virtual std::optional<ModelRequest> read(const ServedModel& model, const Limits& limits) = 0;
  virtual void answer(const ServedModel& model, const Inference& inference) = 0;
  virtual void refuse(const Error& error) = 0;
  // What was said by one of these three, before it is sent: its status in HTTP's numbers, and its size.
  virtual int status() const = 0;
  virtual std::size_t answer_bytes() const = 0;
  virtual void send() = 0;

 private:
  friend class Dispatcher;
  const ProtocolKind kind_;
  std::string name_;
  const std::string version_;
  const std::size_t bytes_;
  std::int64_t arrived_ns_ = 0;
  Pick pick_ = {};
  std::vector<NamedTensor> shadow_inputs_ = {};
};

// What is to be asked of the model, and how the answer is said.
struct Question {
  ModelRequest request;
  std::function<os::HttpResponse(const ServedModel& model, const Inference& answer)> answer;
};

// How a protocol over HTTP reads a body for a model; a response where it refuses it.
struct Protocol {
  ProtocolKind kind;
  std::variant<Question, os::HttpResponse> (*read)(const ServedModel& model, const os::HttpRequest& request,
                                                   const Limits& limits);
  os::HttpResponse (*refuse)(const Error& error);  // in the protocol's words
};

class Dispatcher {
 public:
  Dispatcher(ModelTable& table, Crew& crew, const Limits& limits) : table_(table), crew_(crew), limits_(limits) {}

  // Returns soon; the call is sent from this thread or another.
  void dispatch(std::unique_ptr<Call> call);
  // The same for a request over HTTP; `name` and `version` as in Call.
  void dispatch(const Protocol& protocol, std::string name, std::string version, os::HttpRequest request,
                os::Responder respond);

  ModelTable& table() const { return table_; }
  Crew& crew() const { return crew_; }
  const Limits& limits() const { return limits_; }

 private:
  using CallPtr = std::unique_ptr<Call>;

  void wake(CallPtr call);
  void start(CallPtr call);
  void read_late(CallPtr call);
  void ask(CallPtr call, RunOn where);
  std::optional<ModelRequest> read(Call& call);
  void take(CallPtr call, Result<Inference> inference);
  void answer(Call& call, const Result<Inference>& inference);
  void refuse(Call& call, const Error& error);
  void finish(Call& call);
  void compare_shadow(const Call& call, const Inference& inference);

  ModelTable& table_;
  Crew& crew_;
  const Limits limits_;
};

}  // namespace arete::serve
