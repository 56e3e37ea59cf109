// `arete bundle fetch`: the newest bundle of a model from a repository, believed only as far as it is signed.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "apps/keys_options.h"
#include "bundle/repository/fetching.h"
#include "bundle/repository/key_folder.h"
#include "bundle/repository/key_roots.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  bundle::FetchOptions fetch;
  std::string name, root, on_failure = "full";
  std::int64_t grace_days = 0;
  bool no_clock = false;
  bool json = false;
};

// Once: what is believed later follows from it. -> whether it was now.
Result<bool> take_first_root(const Options& o, bundle::TrustFolder& trust) {
  const Result<std::string> there = trust.load("root.json");
  if (there && !o.root.empty())
    std::cerr << "arete: note: --root is not used: " << trust.at("root.json") << " is believed already\n";
  if (there) return false;
  if (there.error().code != Code::kNotFound) return there.error();
  if (o.root.empty())
    return Error{Code::kNotFound,
                 "nothing is believed in " + o.fetch.trust +
                     " yet; give the publisher's root.json once, from a source that you trust: --root"};
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), o.root, bundle::tuf::kMaxRootBytes));
  const Result<bundle::tuf::Trust> good = bundle::tuf::Trust::make(text, {});
  if (!good) return with_context(good.error(), o.root);
  RETURN_IF_ERROR(trust.save("root.json", text));
  return true;
}

bool ask(const Error& why) {
  if (::isatty(STDIN_FILENO) == 0) {
    std::cerr << "arete: note: the delta failed, and there is no terminal here to ask at\n";
    return false;
  }
  std::cerr << "arete: the delta failed: " << why.message << "\nFetch the whole bundle instead? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

bundle::AfterFailedDelta policy(const std::string& name) {
  return [name](const Error& why) {
    if (name == "full") std::cerr << "arete: note: the delta failed, the whole bundle follows: " << why.message << "\n";
    return name == "full" || (name == "ask" && ask(why));
  };
}

int tell(const Options& o, const bundle::Fetched& fetched) {
  if (fetched.used_grace)
    std::cerr << "arete: warning: what was signed is past its time; it was believed within --grace-days\n";
  if (o.json) {
    print_json(Json::object({{"path", fetched.is_new ? Json(o.fetch.output) : Json()},
                             {"new", fetched.is_new},
                             {"name", fetched.release.model},
                             {"version", fetched.release.version},
                             {"release", fetched.release.release},
                             {"manifest_sha256", fetched.release.manifest.hex()},
                             {"by_delta", fetched.by_delta},
                             {"bytes_fetched", fetched.bytes},
                             {"past_its_time", fetched.used_grace}}));
  } else if (!fetched.is_new) {
    std::cout << o.fetch.have << " is the newest: " << fetched.release.model << " " << fetched.release.version << "\n";
  } else {
    std::cout << o.fetch.output << ": " << fetched.release.model << " " << fetched.release.version << ", "
              << fetched.bytes << " bytes" << (fetched.by_delta ? " as a delta" : "") << "\n";
  }
  return kDone;
}

int run(Options o) {
  const std::size_t at = o.name.find('@');
  o.fetch.model = o.name.substr(0, at);
  if (at != std::string::npos) o.fetch.version = o.name.substr(at + 1);
  if (o.fetch.model.empty() || (at != std::string::npos && o.fetch.version.empty()))
    return fail({Code::kInvalid, "'" + o.name + "': give the model's name, or NAME@VERSION"});
  if (const Status good = bundle::Mirror::check_place(o.fetch.repository); !good) return fail(good.error());
  bundle::TrustFolder trust(o.fetch.trust);
  const Result<bool> is_first = take_first_root(o, trust);
  if (!is_first) return fail(is_first.error());
  o.fetch.is_first = *is_first;
  o.fetch.noted = [](const std::string& what) { std::cerr << "arete: note: " << what << "\n"; };
  o.fetch.agent_version = ARETE_VERSION;
  ProgressLine line;
  o.fetch.told = told_on(line, "joining");
  const bundle::tuf::Expiry expiry{o.no_clock ? 0 : now_s(), o.grace_days * kSecondsADay};
  const Result<bundle::Fetched> fetched = bundle::fetch_bundle(o.fetch, trust, expiry, policy(o.on_failure));
  line.clear();
  return fetched ? tell(o, *fetched) : fail(fetched.error());
}

}  // namespace

Subverb add_bundle_fetch(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("fetch", "the newest bundle of a model, checked as a device checks it");
  app->add_option("NAME", o->name, "the model, or NAME@VERSION")->required();
  app->add_option("--repository", o->fetch.repository, "an http(s) address or a folder")->required();
  app->add_option("--trust", o->fetch.trust, "the folder of what is believed; it grows from the first root")
      ->required();
  app->add_option("--root", o->root, "the first root.json, where the folder has none yet");
  app->add_option("-o,--output", o->fetch.output, "the bundle; its grants go beside it")->required();
  app->add_option("--have", o->fetch.have,
                  "the bundle that is here, if it is: nothing older is taken, and a delta where there is one");
  app->add_option("--on-delta-failure", o->on_failure, "fail, full: take the whole bundle, ask: the person here")
      ->check(CLI::IsMember({"fail", "full", "ask"}))
      ->capture_default_str();
  app->add_option("--grace-days", o->grace_days, "so long past its time what is signed still counts, with a warning")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  app->add_flag("--no-clock", o->no_clock, "go by the latest signed time that was seen, not by this machine's clock");
  add_key_options(*app, o->fetch.keys);
  add_json_option(*app, o->json);
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
