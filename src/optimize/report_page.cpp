#include "optimize/report_page.h"

#include <string_view>

#include "core/check.h"

namespace arete::optimize {
namespace pages {
extern const std::string_view report_html;  // web/optimize/report.html
}  // namespace pages

namespace {

// Where the template waits for its JSON.
constexpr std::string_view kBefore = R"(<script type="application/json" id="report-data">)";
constexpr std::string_view kEmpty = "null</script>";

// JSON has "<" only inside strings, where \u003c means the same; without it nothing that HTML looks
// for in a script block ("</script", "<!--", "<script") can be spelled.
std::string without_less_than(std::string_view json) {
  std::string text;
  text.reserve(json.size() + json.size() / 16);
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string render_report(const Json& report) {
  const std::string_view page = pages::report_html;
  const std::size_t block = page.find(kBefore);
  CHECK(block != std::string_view::npos);
  const std::size_t place = block + kBefore.size();
  CHECK(page.substr(place).starts_with(kEmpty));
  std::string text(page.substr(0, place));
  text += without_less_than(report.dump());
  text += page.substr(place + std::string_view("null").size());
  return text;
}

}  // namespace arete::optimize
