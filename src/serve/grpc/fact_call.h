// FactCall: one call of a row of facts.h, or of an rpc that is not there.
//
// Private to this room. Threads: gRPC's, and a handler's; one at a time. Ownership: deletes itself when the call is
// over; borrows the dispatcher.
#pragma once

#include <cstddef>
#include <string>

#include <grpcpp/generic/async_generic_service.h>

#include "serve/dispatcher.h"
#include "serve/grpc/facts.h"
#include "serve/grpc/visit.h"

namespace arete::serve {

class FactCall final : public grpc::ServerGenericBidiReactor {
 public:
  // `row` is null where there is none; `version` is the program's, borrowed.
  FactCall(Dispatcher& dispatcher, const std::string& version, const FactRow* row, Visit visit);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void answer();
  void finish(const Outcome& outcome);

  Dispatcher& dispatcher_;
  const std::string& version_;
  const FactRow* const row_;
  const Visit visit_;
  grpc::ByteBuffer bytes_;
  std::size_t bytes_in_ = 0;
};

}  // namespace arete::serve
