// The real and the in-memory file system through the same cases; then what only the real one has.
#include "os/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "os/base/memory_files.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

namespace fs = std::filesystem;

// A fresh folder of this process, removed again.
class Folder {
 public:
  Folder() : path_(fs::path(testing::TempDir()) / ("arete_files_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> names() const { return *real_file_system().list(path_.string()); }

 private:
  fs::path path_;
};

class Files : public testing::TestWithParam<bool> {
 protected:
  const FileSystem& files() { return GetParam() ? real_file_system() : memory_; }
  std::string path(const std::string& name) { return folder_.path(name); }
  std::string text(const std::string& name) { return read_file(files(), path(name), 1 << 20).value_or("<error>"); }

  Folder folder_;
  MemoryFileSystem memory_;
};

TEST_P(Files, WriteAndReadBack) {
  ASSERT_OK(write_text(files(), path("a"), "first"));
  EXPECT_EQ(text("a"), "first");
  ASSERT_OK(write_text(files(), path("a"), "second, longer"));
  EXPECT_EQ(text("a"), "second, longer");
  ASSERT_OK(write_text(files(), path("a"), ""));
  EXPECT_EQ(text("a"), "");
  const auto info = files().info(path("a"));
  ASSERT_OK(info);
  EXPECT_EQ(info->kind, FileKind::kFile);
  EXPECT_EQ(info->size_bytes, 0U);
  ASSERT_OK(files().remove(path("a")));
  EXPECT_ERROR(files().info(path("a")), Code::kNotFound, "No such file");
}

TEST_P(Files, CanBeReadBeforeTheyTakeTheirPlace) {
  ASSERT_OK(write_text(files(), path("a"), "old"));
  const std::string_view text = "new";
  const auto bytes = std::as_bytes(std::span(text));
  const auto staged = files().stage(path("a"), {&bytes, 1});
  ASSERT_OK(staged);
  const auto opened = (*staged)->open();
  ASSERT_OK(opened);
  std::string read((*opened)->size_bytes(), '\0');
  ASSERT_OK((*opened)->read_at(0, std::as_writable_bytes(std::span(read))));
  EXPECT_EQ(read, text);
  EXPECT_EQ(this->text("a"), "old");
  ASSERT_OK((*staged)->commit());
  EXPECT_EQ(this->text("a"), text);
}

TEST_P(Files, TakeAnyName) {
  for (const char* name : {"a name", "it's", "\"quoted\"", "é.ü", "-rf", "*?[x]", "a\nb", "\xff\xfe"}) {
    ASSERT_OK(write_text(files(), path(name), name));
    EXPECT_EQ(text(name), name);
  }
  EXPECT_EQ(files().list(path(""))->size(), 8U);
}

TEST_P(Files, ListSortedNames) {
  for (const char* name : {"b", "a", "c"}) ASSERT_OK(write_text(files(), path(name), "x"));
  ASSERT_OK(files().make_folders(path("sub/deeper")));
  ASSERT_OK(write_text(files(), path("sub/deeper/x"), "x"));
  ASSERT_OK(write_text(files(), path("sub.txt"), "x"));
  const std::vector<std::string> wanted = {"a", "b", "c", "sub", "sub.txt"};
  EXPECT_EQ(*files().list(path("")), wanted);
  EXPECT_EQ(*files().list(path("sub")), std::vector<std::string>{"deeper"});
  EXPECT_EQ(*files().list(path("sub/")), std::vector<std::string>{"deeper"});
  EXPECT_EQ(files().info(path("sub"))->kind, FileKind::kFolder);
  EXPECT_ERROR(files().list(path("none")), Code::kNotFound, "list");
  EXPECT_ERROR(files().list(path("a")), Code::kNotFound, "list");
}

TEST_P(Files, ReadAtAnyOffset) {
  ASSERT_OK(write_text(files(), path("a"), "0123456789"));
  const auto file = files().open(path("a"));
  ASSERT_OK(file);
  EXPECT_EQ((*file)->size_bytes(), 10U);
  std::string part(3, '\0');
  const auto to = std::as_writable_bytes(std::span(part));
  ASSERT_OK((*file)->read_at(7, to));
  EXPECT_EQ(part, "789");
  EXPECT_ERROR((*file)->read_at(8, to), Code::kCorrupt, "shorter");
  EXPECT_ERROR((*file)->read_at(1ULL << 40, to), Code::kCorrupt, "shorter");
  ASSERT_OK((*file)->read_at(10, to.first(0)));
}

TEST_P(Files, MapTheWholeFile) {
  ASSERT_OK(write_text(files(), path("a"), "mapped"));
  auto bytes = files().map(path("a"));
  ASSERT_OK(bytes);
  // The bytes stay, whatever becomes of the name.
  ASSERT_OK(write_text(files(), path("a"), "other!"));
  ASSERT_OK(files().remove(path("a")));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->view.data()), bytes->view.size()), "mapped");
  ASSERT_OK(write_text(files(), path("empty"), ""));
  EXPECT_EQ(files().map(path("empty"))->view.size(), 0U);
}

TEST_P(Files, TellFoldersFromFiles) {
  ASSERT_OK(files().make_folders(path("folder")));
  ASSERT_OK(write_text(files(), path("folder/x"), "x"));
  EXPECT_ERROR(files().open(path("folder")), Code::kInvalid, "is a folder");
  EXPECT_ERROR(files().map(path("folder")), Code::kInvalid, "is a folder");
  EXPECT_ERROR(write_text(files(), path("folder"), "x"), Code::kIo, "Is a directory");
  EXPECT_ERROR(files().remove(path("folder")), Code::kIo, "Is a directory");
  EXPECT_ERROR(write_text(files(), path("folder/x/y"), "x"), Code::kNotFound, "folder/x/y");
  EXPECT_FALSE(files().make_folders(path("folder/x")).has_value());
  EXPECT_FALSE(files().make_folders(path("folder/x/y")).has_value());
  EXPECT_EQ(*files().list(path("folder")), std::vector<std::string>{"x"});
}

TEST_P(Files, NameWhatIsNotThere) {
  for (const auto& error : {files().open(path("none")).error(), files().map(path("none")).error(),
                            files().info(path("none")).error(), files().remove(path("none")).error()}) {
    EXPECT_EQ(error.code, Code::kNotFound);
    EXPECT_NE(error.message.find(path("none")), std::string::npos) << error.message;
  }
}

TEST_P(Files, ReadNoMoreThanAllowed) {
  ASSERT_OK(write_text(files(), path("a"), "12345"));
  ASSERT_OK(read_file(files(), path("a"), 5));
  EXPECT_ERROR(read_file(files(), path("a"), 4), Code::kExhausted, "5 bytes, over the limit of 4");
}

INSTANTIATE_TEST_SUITE_P(Both, Files, testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "Real" : "Memory"; });

TEST(MemoryFiles, CanBeFull) {
  MemoryFileSystem files;
  ASSERT_OK(write_text(files, "a", "old"));
  files.fail_writes(true);
  EXPECT_ERROR(write_text(files, "a", "new"), Code::kIo, "No space left");
  EXPECT_EQ(*read_file(files, "a", 10), "old");
  EXPECT_EQ(*files.list("."), std::vector<std::string>{"a"});
}

TEST(RealFiles, RefuseWhatCouldBlock) {
  const Folder folder;
  ASSERT_EQ(::mkfifo(folder.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(real_file_system().info(folder.path("fifo"))->kind, FileKind::kOther);
  EXPECT_ERROR(real_file_system().open(folder.path("fifo")), Code::kInvalid, "FIFO");
  EXPECT_ERROR(real_file_system().map(folder.path("fifo")), Code::kInvalid, "FIFO");
  EXPECT_ERROR(real_file_system().open("/dev/zero"), Code::kInvalid, "device");
}

// Runs as a user without rights for a while; root could read anything.
class AsNobody {
 public:
  AsNobody() : was_root_(::geteuid() == 0) {
    if (was_root_ && ::seteuid(65534) != 0) ADD_FAILURE() << "cannot become nobody";
  }
  ~AsNobody() {
    if (was_root_ && ::seteuid(0) != 0) ADD_FAILURE() << "cannot become root again";
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_;
};

TEST(RealFiles, SayWhatIsUnreadable) {
  const Folder folder;
  std::ofstream(folder.path("secret")) << "x";
  ::chmod(folder.path("secret").c_str(), 0);
  const AsNobody nobody;
  EXPECT_ERROR(real_file_system().open(folder.path("secret")), Code::kIo, "Permission denied");
}

TEST(RealFiles, LeaveNothingBehindAWriteThatFails) {
  const Folder folder;
  const FileSystem& files = real_file_system();
  ASSERT_OK(write_text(files, folder.path("a"), "old"));
  ASSERT_OK(files.make_folders(folder.path("folder/x")));
  EXPECT_FALSE(write_text(files, folder.path("folder"), "x").has_value());
  {
    const AsNobody nobody;
    EXPECT_ERROR(write_text(files, folder.path("a"), "new"), Code::kIo, "Permission denied");
  }
  EXPECT_EQ(*read_file(files, folder.path("a"), 10), "old");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a", "folder"}));
}

// A disk that is full after 100 bytes.
TEST(RealFiles, KeepTheOldContentWhenTheDiskIsFull) {
  const Folder folder;
  const FileSystem& files = real_file_system();
  ASSERT_OK(write_text(files, folder.path("a"), "old"));
  struct rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{100, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const Status written = write_text(files, folder.path("a"), std::string(1000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_ERROR(written, Code::kIo, "File too large");
  EXPECT_EQ(*read_file(files, folder.path("a"), 10), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(RealFiles, ReplaceALinkInsteadOfWritingThroughIt) {
  const Folder folder;
  const FileSystem& files = real_file_system();
  ASSERT_OK(write_text(files, folder.path("target"), "old"));
  fs::create_symlink("target", folder.path("link"));
  EXPECT_EQ(*read_file(files, folder.path("link"), 10), "old");
  ASSERT_OK(write_text(files, folder.path("link"), "new"));
  EXPECT_EQ(*read_file(files, folder.path("target"), 10), "old");
  EXPECT_EQ(*read_file(files, folder.path("link"), 10), "new");
}

TEST(RealFiles, AreWrittenByManyThreadsAtOnce) {
  const Folder folder;
  std::vector<std::jthread> threads;
  std::atomic<int> failed{0};
  for (char letter = 'a'; letter < 'i'; ++letter) {
    threads.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) {
        const Status written = write_text(real_file_system(), folder.path("same"), std::string(5000, letter));
        failed += written ? 0 : 1;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(failed, 0);
  const std::string text = *read_file(real_file_system(), folder.path("same"), 1 << 20);
  EXPECT_EQ(text, std::string(5000, text[0]));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"same"});
}

TEST(RealFiles, MakeFoldersInOneGo) {
  const Folder folder;
  const FileSystem& files = real_file_system();
  ASSERT_OK(files.make_folders(folder.path("a b/é/c")));
  ASSERT_OK(files.make_folders(folder.path("a b/é/c")));
  ASSERT_OK(files.make_folders(folder.path("a b//trailing/")));
  EXPECT_EQ(files.info(folder.path("a b/é/c"))->kind, FileKind::kFolder);
  EXPECT_EQ(files.list(folder.path("a b/é/c"))->size(), 0U);
  EXPECT_ERROR(write_text(files, folder.path("none/x"), "x"), Code::kNotFound, "none/x");
}

TEST(Paths, AreJoinedAndTakenApart) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(join_path(".", "b"), "b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(folder_of("a/b.onnx"), "a");
  EXPECT_EQ(folder_of("/b"), "/");
  EXPECT_EQ(folder_of("b"), ".");
  EXPECT_EQ(stem_of("a.b/net.v2.onnx"), "net.v2");
  EXPECT_EQ(stem_of(".hidden"), ".hidden");
  EXPECT_EQ(stem_of("a/net"), "net");
  EXPECT_EQ(extension_of("a/Net.ONNX"), ".onnx");
  EXPECT_EQ(extension_of("a.b/net"), "");
  EXPECT_EQ(extension_of(".hidden"), "");
}

}  // namespace
}  // namespace arete::os
