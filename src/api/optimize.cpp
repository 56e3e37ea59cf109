#include "api/optimize.h"

#include "api/outcome.h"
#include "api/run/status.h"
#include "optimize/pipeline.h"

namespace arete::api {
namespace {

Result<optimize::Precision> precision_of(const std::string& name) {
  const std::optional<optimize::Precision> known = optimize::precision_from_name(name);
  if (!known) return Error{Code::kInvalid, "there is no precision '" + name + "'; use auto, fp32 or int8"};
  return *known;
}

Status check_path(const char* path, const std::string& name) {
  RETURN_IF_ERROR(check_pointer(path, name));
  if (*path == 0) return Error{Code::kInvalid, name + " is empty"};
  return {};
}

Status read_numbers(const arete_optimize_request& given, optimize::Request& request) {
  if (!(given.max_accuracy_drop_points >= 0 && given.max_accuracy_drop_points <= 100))
    return Error{Code::kInvalid, "max_accuracy_drop_points must be a number from 0 to 100"};
  if (given.never_slower < -1 || given.never_slower > 1)
    return Error{Code::kInvalid, "never_slower must be 1, 0, or -1 for the target's default"};
  request.max_accuracy_drop_points = given.max_accuracy_drop_points;
  if (given.never_slower >= 0) request.never_slower = given.never_slower == 1;
  request.max_calibration_samples = given.max_calibration_samples;
  request.threads = given.threads;
  request.verify_passes = given.verify_passes != 0;
  return {};
}

Status read_disabled_passes(const arete_optimize_request& given, optimize::Request& request) {
  if (given.disabled_pass_count > 0) RETURN_IF_ERROR(check_pointer(given.disabled_passes, "disabled_passes"));
  for (std::size_t i = 0; i < given.disabled_pass_count; ++i) {
    RETURN_IF_ERROR(check_pointer(given.disabled_passes[i], "disabled_passes[" + std::to_string(i) + "]"));
    request.disabled_passes.insert(given.disabled_passes[i]);
  }
  return {};
}

Result<optimize::Request> read_request(const arete_optimize_request& given) {
  RETURN_IF_ERROR(check_path(given.model_path, "model_path"));
  RETURN_IF_ERROR(check_path(given.output_path, "output_path"));
  optimize::Request request;
  request.model_path = given.model_path;
  request.output_path = given.output_path;
  request.report_path = text_or(given.report_path, "");
  request.calibration_path = text_or(given.calibration_path, "");
  request.evaluation_path = text_or(given.evaluation_path, "");
  if (given.target != nullptr) request.target = given.target;
  if (given.level != nullptr) request.level = given.level;
  ASSIGN_OR_RETURN(request.precision, precision_of(text_or(given.precision, "auto")));
  RETURN_IF_ERROR(read_numbers(given, request));
  RETURN_IF_ERROR(read_disabled_passes(given, request));
  return request;
}

optimize::Observer observer_of(const arete_optimize_request& given) {
  optimize::Observer observer;
  if (given.progress != nullptr) {
    observer.progress = [given](const std::string& step, std::int64_t done, std::int64_t total) {
      given.progress(given.context, step.c_str(), done, total);
    };
  }
  if (given.stop_requested != nullptr) {
    observer.stop_requested = [given] { return given.stop_requested(given.context) != 0; };
  }
  return observer;
}

Status optimize_checked(const Surroundings& surroundings, const arete_optimize_request* given,
                        arete_outcome** outcome) {
  RETURN_IF_ERROR(check_pointer(given, "request"));
  ASSIGN_OR_RETURN(const arete_optimize_request known,
                   read_struct(given, arete_optimize_request ARETE_OPTIMIZE_REQUEST_INIT, "request"));
  ASSIGN_OR_RETURN(optimize::Request request, read_request(known));
  ASSIGN_OR_RETURN(std::optional<CardFile> card,
                   surroundings.read_card(text_or(known.card_path, ""), request.model_path));
  if (card) {
    request.card = std::move(card->card);
    request.card_path = card->path;
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> engine,
                   surroundings.make_engine(text_or(known.engine, ""), text_or(known.engine_library, "")));
  ASSIGN_OR_RETURN(const optimize::Outcome done,
                   optimize::optimize(request, *engine, surroundings.files, observer_of(known)));
  *outcome = new HeldOutcome(to_json(done, false), done.success);
  return {};
}

}  // namespace

arete_status* optimize(const Surroundings& surroundings, const arete_optimize_request* request,
                       arete_outcome** outcome) noexcept {
  return guarded([&]() -> Status {
    RETURN_IF_ERROR(check_pointer(outcome, "outcome"));
    *outcome = nullptr;
    return optimize_checked(surroundings, request, outcome);
  });
}

}  // namespace arete::api
