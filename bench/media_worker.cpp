// One image on its way into a tensor, again and again: a process that stays up and answers each line of stdin by JSON.
//
//   bench_media_worker IMAGE WIDTH HEIGHT [FILTER [TARGET]]     FILTER as in a card; TARGET of `targets`, else the best
//   go STEP [N]   N looks at one step -> {"wall_s", "cpu_s"}: `whole` from the file's bytes into the slot, `decode` up
//   to
//                 its pixels, `rest` from there: resize, normalise, lay out
//   targets       -> the instruction sets that this CPU has code for
#include <hwy/targets.h>
#include <sys/resource.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/json.h"
#include "media/image/codecs.h"
#include "media/image/normalise.h"
#include "media/image/resize.h"
#include "media/image/to_tensor.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::bench {
namespace {

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Job {
 public:
  Job(std::string bytes, InputCard card) : bytes_(std::move(bytes)), card_(std::move(card)) {
    slot_.resize(sizeof(float) * 3 * static_cast<std::size_t>(card_.width) * static_cast<std::size_t>(card_.height));
  }

  Status look(const std::string& step) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(bytes_));
    if (step == "whole") return media::decode_into(bytes, card_, DType::kFloat32, slot_, &scratch_);
    if (step == "decode" || stored_.width == 0) {
      ASSIGN_OR_RETURN(stored_, media::decode_stored(bytes, {}, pixels_));
    }
    return step == "rest" ? rest() : Status();
  }

 private:
  Status rest() {
    const media::TensorWriter writer(card_, DType::kFloat32, slot_);
    const media::ResizePlan plan{
        {card_.resize, stored_.width, static_cast<double>(stored_.width), card_.width, 0, card_.width, false},
        {card_.resize, stored_.height, static_cast<double>(stored_.height), card_.height, 0, card_.height, false},
        media::rows_come_first({stored_.width, stored_.height}, card_.width, card_.height)};
    return media::resize_rows({pixels_.data(), stored_.width, stored_.height, stored_.channels}, plan, workspace_,
                              [&](int y, const std::uint8_t* row) { writer.write_row(y, row, stored_.channels); });
  }

  std::string bytes_;
  InputCard card_;
  std::vector<std::byte> slot_;
  media::ImageScratch scratch_;
  media::PixelBuffer pixels_;
  media::StoredImage stored_;
  media::ResizeWorkspace workspace_;
};

Result<Json> go(Job& job, const std::string& step, int looks) {
  const double cpu_before = cpu_s();
  const std::int64_t start_ns = os::real_clock().now_ns();
  for (int i = 0; i < looks; ++i) RETURN_IF_ERROR(job.look(step));
  const double wall_s = static_cast<double>(os::real_clock().now_ns() - start_ns) / 1e9;
  return Json::object({{"wall_s", wall_s}, {"cpu_s", cpu_s() - cpu_before}});
}

Json targets() {
  Json names = Json::array();
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) names.push_back(hwy::TargetName(target));
  return names;
}

void use_target(const std::string& name) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) hwy::SetSupportedTargetsForTest(target);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

Result<Json> answer(Job& job, const std::string& line) {
  std::istringstream words(line);
  std::string word;
  std::string step;
  int looks = 1;
  words >> word;
  if (word == "targets") return targets();
  words >> step;
  if (!(words >> looks)) looks = 1;
  return go(job, step, looks);
}

Result<Job> open(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) return Error{Code::kInvalid, "usage: IMAGE WIDTH HEIGHT [FILTER [TARGET]]"};
  const std::string filter = arguments.size() > 3 ? arguments[3] : "bilinear";
  const std::string text = R"({"input": {"kind": "image", "width": )" + arguments[1] + R"(, "height": )" +
                           arguments[2] + R"(, "resize": ")" + filter + "\"}}";
  ASSIGN_OR_RETURN(const Json json, Json::parse(text));
  ASSIGN_OR_RETURN(ModelCard card, parse_card(json));
  ASSIGN_OR_RETURN(std::string bytes, os::read_file(os::real_file_system(), arguments[0], std::size_t{1} << 30));
  if (arguments.size() > 4) use_target(arguments[4]);
  return Job(std::move(bytes), std::move(card.input));
}

int serve(const std::vector<std::string>& arguments) {
  Result<Job> job = open(arguments);
  if (!job) {
    std::cerr << to_string(job.error()) << "\n";
    return 1;
  }
  std::cout << "ready {}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const Result<Json> answered = answer(*job, line);
    if (!answered) {
      std::cerr << to_string(answered.error()) << "\n";
      return 1;
    }
    std::cout << answered->dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace arete::bench

int main(int count, char** arguments) {
  return arete::bench::serve(std::vector<std::string>(arguments + 1, arguments + count));
}
