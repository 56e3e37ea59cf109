// The report page: its JSON arrives whole, and no name in it can leave the script block.
#include "optimize/report_page.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace arete::optimize {
namespace {

constexpr std::string_view kOpening = R"(<script type="application/json" id="report-data">)";

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::filesystem::path> sample_reports() {
  std::set<std::filesystem::path> sorted;
  for (const auto& entry : std::filesystem::directory_iterator(ARETE_SOURCE_DIR "/tests/optimize/data")) {
    if (entry.path().extension() == ".json") sorted.insert(entry.path());
  }
  return {sorted.begin(), sorted.end()};
}

// What stands in the data block as a browser finds it: up to the first "</script", in any case.
std::string data_block(const std::string& page) {
  const std::size_t start = page.find(kOpening);
  EXPECT_NE(start, std::string::npos);
  std::string lower = page;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::size_t from = start + kOpening.size();
  return page.substr(from, lower.find("</script", from) - from);
}

// The page without its data.
std::string around_block(const std::string& page) {
  const std::string data = data_block(page);
  std::string rest = page;
  rest.erase(page.find(kOpening) + kOpening.size(), data.size());
  return rest;
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(ReportPage, HoldsTheJsonOfEverySampleWhole) {
  const auto paths = sample_reports();
  ASSERT_GE(paths.size(), 5u);
  for (const auto& path : paths) {
    SCOPED_TRACE(path.filename().string());
    const auto report = Json::parse(read_text(path));
    ASSERT_TRUE(report) << report.error().message;
    const auto back = Json::parse(data_block(render_report(*report)));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->dump(), report->dump());
  }
}

TEST(ReportPage, NothingButTheDataDiffersBetweenReports) {
  const std::string empty = around_block(render_report(Json()));
  for (const auto& path : sample_reports()) {
    const auto report = Json::parse(read_text(path));
    ASSERT_TRUE(report);
    EXPECT_EQ(around_block(render_report(*report)), empty) << path.filename();
  }
}

TEST(ReportPage, HostileTextCannotLeaveTheBlock) {
  const std::vector<std::string> texts = {"</script><img src=x onerror=alert(1)>",
                                          "</SCRIPT\t>",
                                          "<!--<script>",
                                          "-->]]>",
                                          "null</script>",
                                          std::string(kOpening),
                                          "\xe2\x80\xa8\xe2\x80\xa9",
                                          std::string("a\0b", 3),
                                          "\\u003c/script>",
                                          "\"quotes\" \\ \r\n"};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    Json report = Json::object({{text, text}});
    report.set("variants", Json(Json::Array{Json::object({{"name", text}})}));
    const std::string page = render_report(report);
    const std::string data = data_block(page);
    EXPECT_EQ(data.find('<'), std::string::npos);
    const auto back = Json::parse(data);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->dump(), report.dump());
    EXPECT_EQ(around_block(page), around_block(render_report(Json())));
  }
}

TEST(ReportPage, BytesThatAreNoTextAreReplaced) {
  const std::string page = render_report(Json::object({{"model", "a\xff</script>\xc0"}}));
  const auto back = Json::parse(data_block(page));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back->get_string("model"), "a\xef\xbf\xbd</script>\xef\xbf\xbd");
}

TEST(ReportPage, IsSelfContainedAndInsertsTextOnly) {
  const std::string page = render_report(Json());
  EXPECT_EQ(count(page, kOpening), 1u);
  EXPECT_EQ(data_block(page), "null");
  EXPECT_EQ(count(page, "default-src 'none'"), 1u);
  EXPECT_EQ(count(page, "<noscript>"), 1u);
  EXPECT_EQ(count(page, "://"), count(page, "http://www.w3.org/2000/svg"));
  for (const std::string_view word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                                      "@import", "fetch(", "XMLHttpRequest", " src=", "<link", "<iframe"}) {
    EXPECT_EQ(count(page, word), 0u) << word;
  }
}

}  // namespace
}  // namespace arete::optimize
