#include "optimize/report_page.h"

#include <string_view>

#include "core/check.h"

namespace arete::optimize {
namespace pages {
extern const std::string_view report_html;
}  // namespace pages

namespace {

constexpr std::string_view kPlace = "<script type=\"application/json\" id=\"report-data\">null</script>";
constexpr std::string_view kHead = "<script type=\"application/json\" id=\"report-data\">";
constexpr std::string_view kTail = "</script>";

}  // namespace

std::string render_report(const Json& report) {
  std::string data;
  // "<" cannot stand in the block: "</script>" and "<!--" would end or change it. JSON may spell it \u003c.
  for (const char c : report.dump()) data += c == '<' ? std::string("\\u003c") : std::string(1, c);
  std::string page(pages::report_html);
  const std::size_t at = page.find(kPlace);
  CHECK(at != std::string::npos);
  return page.replace(at, kPlace.size(), std::string(kHead) + data + std::string(kTail));
}

}  // namespace arete::optimize
