// TUF by the attacks that its specification lists (section 1.5.2), each against a client that was up to date before.
#include <algorithm>

#include "bundle/canonical_json.h"
#include "bundle/tuf_author.h"
#include "tests/bundle/tuf_repository.h"
#include "tests/support/assert.h"

namespace arete::bundle::tuf {
namespace {

using namespace arete::test;  // the repository above is half of each test

Repository published() {
  Repository repository;
  repository.publish();
  return repository;
}

// ---- The usual way ----

TEST(Tuf, ATargetIsFoundAndItsDocumentsAreKept) {
  const Repository repository = published();
  Device device(repository);
  Client client = device.client();
  ASSERT_OK(client.refresh());
  const auto found = client.find_target("shoes/1.0.0");
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  ASSERT_OK((*found)->check("shoes", "model"));
  EXPECT_ERROR((*found)->check("shoes", "modem"), Code::kUntrusted, "another sha256");
  EXPECT_ERROR((*found)->check("shoes", "models"), Code::kUntrusted, "6 bytes");
  EXPECT_EQ(client.place_of("shoes/1.0.0", **found),
            "shoes/" + digest_of(std::as_bytes(std::span("model", 5))).hex() + ".1.0.0");
  EXPECT_FALSE(client.find_target("shoes/2.0.0")->has_value());
  EXPECT_EQ(device.folder.files.size(), 4U);
  EXPECT_EQ(device.folder.files.at("timestamp.json"), repository.files.at("timestamp.json"));
}

TEST(Tuf, WhatIsKeptIsNotFetchedAgain) {
  const Repository repository = published();
  Device device(repository);
  ASSERT_OK(device.refresh());
  device.asked.clear();
  ASSERT_OK(device.refresh());
  ASSERT_EQ(device.asked.size(), 2U);
  EXPECT_EQ(device.asked[0].first, "2.root.json");
  EXPECT_EQ(device.asked[1].first, "timestamp.json");
}

TEST(Tuf, AnUpdateThatIsCutOffGoesOn) {
  Repository repository = published();
  Device device(repository);
  ASSERT_OK(device.refresh());
  repository.files["2.root.json"] =
      signed_text(repository.root_part(2, repository.root_signers()), {&repository.root[0], &repository.root[1]});
  repository.advance();
  // Each goes on behind what the one before brought, so that the last needs three files.
  for (int after = 0; after < 4; ++after) {
    device.asked.clear();
    device.fails_after = after;
    EXPECT_ERROR(device.refresh(), Code::kUnavailable, "no link");
  }
  device.fails_after = -1;
  ASSERT_OK(device.refresh());
  EXPECT_EQ(device.folder.files.at("targets.json"), repository.files.at("2.targets.json"));
}

// ---- Roots ----

TEST(Tuf, RootsFollowOneAnother) {
  Repository repository = published();
  Device device(repository);
  const SigningKey fresh = key_of(20);
  const Signers next = {&fresh, &repository.root[1], &repository.root[2]};
  repository.files["2.root.json"] =
      signed_text(repository.root_part(2, next), {&repository.root[1], &repository.root[2]});
  repository.files["3.root.json"] =
      signed_text(repository.root_part(3, {&fresh, &repository.root[1]}), {&fresh, &repository.root[1]});
  ASSERT_OK(device.refresh());
  EXPECT_EQ(device.folder.files.at("root.json"), repository.files.at("3.root.json"));
}

TEST(Tuf, ARootNeedsTheOldOnesKeysAndItsOwn) {
  Repository repository = published();
  const SigningKey a = key_of(20);
  const SigningKey b = key_of(21);
  const Json part = repository.root_part(2, {&a, &b});
  for (const Signers& signers :
       {Signers{&a, &b}, Signers{&repository.root[0], &repository.root[1]}, Signers{&repository.root[0], &a, &b},
        Signers{&repository.root[0], &repository.root[1], &a}}) {
    Device device(repository);
    repository.files["2.root.json"] = signed_text(part, signers);
    EXPECT_ERROR(device.refresh(), Code::kUntrusted, "root");
    EXPECT_EQ(device.folder.files.at("root.json"), repository.first_root());
  }
  Device device(repository);
  repository.files["2.root.json"] = signed_text(part, {&repository.root[0], &repository.root[1], &a, &b});
  ASSERT_OK(device.refresh());
}

TEST(Tuf, ARootMustBeTheNextOne) {
  Repository repository = published();
  for (const int version : {1, 3}) {
    Device device(repository);
    repository.files["2.root.json"] = signed_text(repository.root_part(version, repository.root_signers()),
                                                  {&repository.root[0], &repository.root[1]});
    EXPECT_ERROR(device.refresh(), Code::kUntrusted, "version");
  }
}

TEST(Tuf, OneKeyUnderTwoNamesIsOneKey) {
  const Repository repository = published();
  const SigningKey& one = repository.root[0];
  Json part = repository.root_part(1, {&one, &repository.root[1]});
  Json keys = *part.find("keys");
  keys.set("another name", one.public_json());
  part.set("keys", keys);
  Json roles = *part.find("roles");
  roles.set("root",
            Json::object({{"keyids", Json(Json::Array{Json(one.id()), Json("another name")})}, {"threshold", 2}}));
  part.set("roles", roles);
  Json envelope = *sign_envelope(part, Signers{&one});
  Json signatures = *envelope.find("signatures");
  const std::string sig = *signatures.as_array()[0].get_string("sig");
  signatures.push_back(Json::object({{"keyid", "another name"}, {"sig", sig}}));
  envelope.set("signatures", signatures);
  EXPECT_ERROR(Trust::make(envelope.dump(), {kNow, 0}), Code::kUntrusted, "signed by 1");
}

TEST(Tuf, ARootPastItsTimeEndsTheUpdate) {
  Repository repository = published();
  Device device(repository);
  repository.files["2.root.json"] = signed_text(repository.root_part(2, repository.root_signers(), kBefore),
                                                {&repository.root[0], &repository.root[1]});
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "past its time");
  repository.files["3.root.json"] =
      signed_text(repository.root_part(3, repository.root_signers()), {&repository.root[0], &repository.root[1]});
  ASSERT_OK(device.refresh());
}

// ---- Attacks ----

TEST(TufAttack, ArbitraryInstall) {
  for (const char* const role : {"targets", "snapshot", "timestamp"}) {
    Repository repository = published();
    Device device(repository);
    Repository evil = repository;
    const SigningKey stranger = repository.stranger;
    evil.targets_part = Json::object({{"shoes/1.0.0", target_info("evil")}});
    if (std::string_view(role) == "targets") evil.targets = stranger;
    if (std::string_view(role) == "snapshot") evil.snapshot = stranger;
    if (std::string_view(role) == "timestamp") evil.timestamp = stranger;
    evil.publish();
    repository.files = evil.files;
    EXPECT_ERROR(device.refresh(), Code::kUntrusted, role);
    EXPECT_FALSE(device.folder.files.contains("targets.json"));
  }
}

TEST(TufAttack, Rollback) {
  Repository repository;
  repository.targets_version = repository.snapshot_version = repository.timestamp_version = 5;
  repository.publish();
  Device device(repository);
  ASSERT_OK(device.refresh());
  const std::map<std::string, std::string> kept = device.folder.files;
  repository.timestamp_version = 4;
  repository.publish();
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "went back from version 5 to 4");
  repository.timestamp_version = 6;
  repository.snapshot_version = 4;
  repository.publish();
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "goes back to snapshot 4");
  repository.snapshot_version = 6;
  repository.targets_version = 4;
  repository.publish();
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "takes 'targets.json' back to version 4");
  EXPECT_EQ(device.folder.files.at("targets.json"), kept.at("targets.json"));
}

TEST(TufAttack, RollbackByLosingARole) {
  Repository repository;
  repository.roles["team"] = {1, common_of("targets", 1)};
  repository.roles["team"].part.set("targets", Json::object());
  repository.publish();
  Device device(repository);
  ASSERT_OK(device.refresh());
  repository.roles.clear();
  repository.advance();
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "lost 'team.json'");
}

TEST(TufAttack, IndefiniteFreeze) {
  Repository repository = published();
  Device device(repository);
  ASSERT_OK(device.refresh());
  const std::int64_t day = 86'400;
  const std::int64_t end = *parse_time(kLater);
  ASSERT_OK(device.refresh(end - 1));
  EXPECT_ERROR(device.refresh(end), Code::kUntrusted, "past its time");
  // A fleet that is offline may go on for a while, and says so.
  Client client = device.client(end + day, 7 * day);
  ASSERT_OK(client.refresh());
  EXPECT_TRUE(client.trust().used_grace());
  EXPECT_FALSE(device.client(end - 1, 7 * day).trust().used_grace());
  EXPECT_ERROR(device.refresh(end + 7 * day, 7 * day), Code::kUntrusted, "past its time");
  for (std::string Repository::* const expires :
       {&Repository::timestamp_expires, &Repository::snapshot_expires, &Repository::targets_expires}) {
    Repository frozen;
    frozen.*expires = kBefore;
    frozen.publish();
    Device other(frozen);
    EXPECT_ERROR(other.refresh(), Code::kUntrusted, "past its time");
  }
}

TEST(TufAttack, MixAndMatch) {
  Repository repository = published();
  Device device(repository);
  repository.advance();
  Repository other = repository;
  other.advance();
  std::map<std::string, std::string>& files = repository.files;
  files["2.snapshot.json"] = files.at("1.snapshot.json");
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "snapshot");
  repository.publish();
  files["2.targets.json"] = other.files.at("3.targets.json");
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "targets.json");
  repository.publish();
  ASSERT_OK(device.refresh());
}

TEST(TufAttack, EndlessData) {
  Repository repository = published();
  Device device(repository);
  ASSERT_OK(device.refresh());
  for (const auto& [name, most] : device.asked) EXPECT_LE(most, kMaxTargetsBytes) << name;
  const auto limit_of = [&](std::string_view wanted) {
    return std::ranges::find(device.asked, wanted, [](const auto& row) { return std::string_view(row.first); })->second;
  };
  EXPECT_EQ(limit_of("1.snapshot.json"), repository.files.at("1.snapshot.json").size());
  EXPECT_EQ(limit_of("timestamp.json"), kMaxTimestampBytes);
  repository.files["timestamp.json"] = std::string(20'000, ' ');
  EXPECT_ERROR(device.refresh(), Code::kExhausted, "timestamp");
}

TEST(TufAttack, FastForwardIsMendedByNewKeys) {
  Repository repository;
  repository.timestamp_version = repository.snapshot_version = 2'000'000'000;  // by a thief of both keys
  repository.publish();
  Device device(repository);
  ASSERT_OK(device.refresh());
  repository.timestamp_version = repository.snapshot_version = 2;
  repository.publish();
  EXPECT_FALSE(device.refresh().has_value());
  repository.timestamp = key_of(30);
  repository.snapshot = key_of(31);
  repository.files["2.root.json"] =
      signed_text(repository.root_part(2, repository.root_signers()), {&repository.root[0], &repository.root[1]});
  repository.publish();
  ASSERT_OK(device.refresh());
}

TEST(TufAttack, KeyCompromiseBelowTheThreshold) {
  Repository repository = published();
  Device device(repository);
  repository.files["2.root.json"] = signed_text(repository.root_part(2, {&repository.stranger, &repository.root[0]}),
                                                {&repository.root[0], &repository.stranger});
  EXPECT_ERROR(device.refresh(), Code::kUntrusted, "signed by 1 of its keys, it takes 2");
}

// ---- Delegations ----

Json delegated(const std::string& name, const Signers& keys, const Json& rule, bool terminating) {
  Json role = role_of(keys, 1);
  role.set("name", name);
  role.set("terminating", terminating);
  for (const auto& [key, value] : rule.as_object()) role.set(key, value);
  return role;
}

Json targets_of(const std::string& path, const std::string& content) {
  Json part = common_of("targets", 1);
  part.set("targets", Json::object({{path, target_info(content)}}));
  return part;
}

TEST(TufDelegation, GoesByPatternsInOrderAndEndsWhereItSays) {
  Repository repository;
  const Json all = Json::object({{"paths", Json(Json::Array{Json("models/*/*")})}});
  const Json hats = Json::object({{"paths", Json(Json::Array{Json("models/hats/[12].0.?")})}});
  repository.delegations =
      Json::object({{"keys", keys_of({&repository.team})},
                    {"roles", Json(Json::Array{delegated("hats", {&repository.team}, hats, true),
                                               delegated("all", {&repository.team}, all, false)})}});
  repository.roles["hats"] = {1, targets_of("models/hats/1.0.0", "by hats")};
  repository.roles["all"] = {1, targets_of("models/hats/1.0.0", "by all")};
  Json all_part = targets_of("models/hats/2.0.0", "by all");
  Json more = *all_part.find("targets");
  more.set("models/hats/3.0.0", target_info("by all"));
  more.set("elsewhere", target_info("by all"));
  all_part.set("targets", more);
  repository.roles["all"].part = all_part;
  repository.publish();
  Device device(repository);
  Client client = device.client();
  ASSERT_OK(client.refresh());
  ASSERT_OK((*client.find_target("models/hats/1.0.0"))->check("", "by hats"));
  EXPECT_FALSE(client.find_target("models/hats/2.0.0")->has_value());  // hats' word is the last
  ASSERT_OK((*client.find_target("models/hats/3.0.0"))->check("", "by all"));
  EXPECT_FALSE(client.find_target("elsewhere")->has_value());  // signed, but not theirs to sign
}

TEST(TufDelegation, SharesOutByHashes) {
  Repository repository;
  const std::string path = "models/hats/1.0.0";
  const std::string hex = digest_of(std::as_bytes(std::span(path))).hex();
  repository.delegations = Json::object(
      {{"keys", keys_of({&repository.team})},
       {"roles", Json(Json::Array{delegated(
                     "bin", {&repository.team},
                     Json::object({{"path_hash_prefixes", Json(Json::Array{Json(hex.substr(0, 2))})}}), true)})}});
  repository.roles["bin"] = {1, targets_of(path, "by bin")};
  repository.publish();
  Device device(repository);
  Client client = device.client();
  ASSERT_OK(client.refresh());
  EXPECT_TRUE(client.find_target(path)->has_value());

  Repository succinct;
  Json roles = role_of({&succinct.team}, 1);
  roles.set("bit_length", 5);
  roles.set("name_prefix", "part");
  succinct.delegations = Json::object({{"keys", keys_of({&succinct.team})}, {"succinct_roles", roles}});
  const unsigned first = static_cast<unsigned>(std::stoul(hex.substr(0, 2), nullptr, 16)) >> 3U;
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "part-%02x", first);
  succinct.roles[name.data()] = {1, targets_of(path, "by part")};
  succinct.publish();
  Device other(succinct);
  Client second = other.client();
  ASSERT_OK(second.refresh());
  EXPECT_TRUE(second.find_target(path)->has_value());
}

TEST(TufDelegation, ARoleNeedsItsDelegatorsKeys) {
  Repository repository;
  const Json all = Json::object({{"paths", Json(Json::Array{Json("*")})}});
  repository.delegations =
      Json::object({{"keys", keys_of({&repository.stranger})},
                    {"roles", Json(Json::Array{delegated("team", {&repository.stranger}, all, true)})}});
  repository.roles["team"] = {1, targets_of("hat", "hat")};
  repository.publish();
  Device device(repository);
  Client client = device.client();
  ASSERT_OK(client.refresh());
  EXPECT_ERROR(client.find_target("hat"), Code::kUntrusted, "team");
}

TEST(TufDelegation, EndsInACircleAndAtItsLimit) {
  Repository repository;
  const Json all = Json::object({{"paths", Json(Json::Array{Json("*")})}});
  const auto next = [&](const std::string& name) {
    return Json::object({{"keys", keys_of({&repository.team})},
                         {"roles", Json(Json::Array{delegated(name, {&repository.team}, all, false)})}});
  };
  repository.delegations = next("r0");
  for (int i = 0; i < 60; ++i) {
    Json part = targets_of("no", "no");
    part.set("delegations", next("r" + std::to_string(i + 1)));
    repository.roles["r" + std::to_string(i)] = {1, part};
  }
  repository.publish();
  Device device(repository);
  Client client = device.client();
  ASSERT_OK(client.refresh());
  device.asked.clear();
  EXPECT_FALSE(client.find_target("hat")->has_value());
  EXPECT_LE(static_cast<int>(device.asked.size()), kMaxDelegations);
}

// ---- Documents ----

TEST(TufMetadata, RefusesWhatIsNoneOfItsKind) {
  const Repository repository = published();
  const Json good = repository.root_part(1, repository.root_signers());
  const auto root_with = [&](const char* key, const Json& value) {
    Json part = good;
    part.set(key, value);
    return parse_envelope(signed_text(part, {&repository.root[0], &repository.root[1]})).has_value() &&
           parse_root(*parse_envelope(signed_text(part, {&repository.root[0], &repository.root[1]}))).has_value();
  };
  EXPECT_TRUE(root_with("version", 1));
  EXPECT_TRUE(root_with("something new", Json::object({{"a", 1}})));
  for (const auto& [key, value] : std::vector<std::pair<const char*, Json>>{{"_type", "snapshot"},
                                                                            {"_type", 1},
                                                                            {"spec_version", "2.0.0"},
                                                                            {"spec_version", 1},
                                                                            {"version", 0},
                                                                            {"version", -1},
                                                                            {"version", "1"},
                                                                            {"expires", "2027-02-30T00:00:00Z"},
                                                                            {"expires", "2027-02-01 00:00:00"},
                                                                            {"expires", "tomorrow"},
                                                                            {"consistent_snapshot", 1},
                                                                            {"keys", Json::array()},
                                                                            {"roles", Json::object()}})
    EXPECT_FALSE(root_with(key, value)) << key << value.dump();
  EXPECT_ERROR(parse_envelope("{}"), Code::kInvalid, "signed");
  EXPECT_ERROR(parse_envelope("{\"signed\":{\"a\":1.5},\"signatures\":[]}"), Code::kInvalid, "fractions");
  EXPECT_ERROR(
      parse_envelope(
          "{\"signed\":{},\"signatures\":[{\"keyid\":\"a\",\"sig\":\"00\"},{\"keyid\":\"a\",\"sig\":\"00\"}]}"),
      Code::kInvalid, "signed twice");
  EXPECT_ERROR(parse_envelope("{\"signed\":{\"a\":1,\"a\":2},\"signatures\":[]}"), Code::kCorrupt, "");
  const auto timestamp = parse_envelope(repository.files.at("timestamp.json"));
  EXPECT_ERROR(parse_snapshot(*timestamp), Code::kInvalid, "of type 'timestamp'");
}

// kNow is 2027-01-15.
TEST(TufClock, NobodyGoesBehindASignedTime) {
  Repository repository;
  repository.timestamp_issued = "2027-01-14T00:00:00Z";
  repository.publish();
  Device device(repository);
  for (const std::int64_t clock : {std::int64_t{0}, kNow - 86'400 * 365}) {
    Client client = device.client(clock);
    ASSERT_OK(client.refresh());
    EXPECT_EQ(client.trust().now_s(), *parse_time("2027-01-14T00:00:00Z"));
  }
  Client client = device.client(kNow);
  ASSERT_OK(client.refresh());
  EXPECT_EQ(client.trust().now_s(), kNow);
}

TEST(TufClock, WithoutOneWhatIsPastTheLatestSignedTimeIsPast) {
  Repository repository;
  repository.timestamp_issued = "2027-01-14T00:00:00Z";
  repository.publish();
  Device device(repository);
  ASSERT_OK(device.client(0).refresh());
  repository.timestamp_issued = "2027-01-31T00:00:00Z";
  repository.snapshot_expires = "2027-01-30T00:00:00Z";
  repository.advance();
  EXPECT_ERROR(device.client(0).refresh(), Code::kUntrusted, "'snapshot' is past its time");
  // The root's time is judged by it as well.
  Repository other;
  other.timestamp_issued = "2027-02-02T00:00:00Z";
  other.timestamp_expires = other.snapshot_expires = other.targets_expires = "2027-02-09T00:00:00Z";
  other.publish();
  EXPECT_ERROR(Device(other).client(0).refresh(), Code::kUntrusted, "'root' is past its time");
}

// What was believed within a grace is not believed without one, though the timestamp is the one that is there already.
TEST(TufClock, TheRootIsJudgedAgainWhereTheTimestampIsKnown) {
  Repository repository;
  repository.timestamp_issued = "2027-02-02T00:00:00Z";  // after the root's time
  repository.timestamp_expires = repository.snapshot_expires = repository.targets_expires = "2027-02-09T00:00:00Z";
  repository.publish();
  Device device(repository);
  Client graced = device.client(0, 86'400 * 7);
  ASSERT_OK(graced.refresh());
  EXPECT_TRUE(graced.trust().used_grace());
  for (const std::int64_t clock : {std::int64_t{0}, kNow})
    EXPECT_ERROR(device.client(clock).refresh(), Code::kUntrusted, "'root' is past its time");
  // Nor is a newer timestamp that says no time.
  repository.timestamp_issued = "";
  repository.advance();
  EXPECT_ERROR(device.client(0).refresh(), Code::kUntrusted, "'root' is past its time");
  Client again = device.client(0, 86'400 * 7);
  ASSERT_OK(again.refresh());
  EXPECT_TRUE(again.trust().used_grace());
}

TEST(TufClock, TheSignedTimeIsForgottenWithTheKeyThatSignedIt) {
  Repository repository;
  repository.timestamp_issued = "2027-01-31T00:00:00Z";
  repository.publish();
  Device device(repository);
  ASSERT_OK(device.client(0).refresh());
  repository.timestamp = key_of(8);
  repository.timestamp_issued = "2027-01-15T00:00:00Z";
  repository.files["2.root.json"] =
      signed_text(repository.root_part(2, repository.root_signers()), {&repository.root[0], &repository.root[1]});
  repository.publish();
  Client client = device.client(0);
  ASSERT_OK(client.refresh());
  EXPECT_EQ(client.trust().now_s(), *parse_time("2027-01-15T00:00:00Z"));
}

TEST(TufClock, NothingIsIssuedAfterItsTime) {
  Repository repository;
  repository.timestamp_issued = "2027-03-01T00:00:00Z";
  repository.publish();
  EXPECT_ERROR(Device(repository).client().refresh(), Code::kInvalid, "issued after its time");
}

// What a publisher makes is what a device follows.
TEST(TufAuthor, RootsFollowEachOther) {
  const SigningKey first = key_of(1);
  const SigningKey second = key_of(2);
  const SigningKey online = key_of(3);
  RootDraft draft{1, kNow, {}};
  for (const SigningKey* const key : {&first, &second}) draft.roles["root"].keys.emplace(key->id(), key->public_json());
  draft.roles["root"].threshold = 2;
  for (const char* const role : {"targets", "snapshot", "timestamp"})
    draft.roles[role].keys.emplace(online.id(), online.public_json());
  Json envelope = Json::object({{"signatures", Json::array()}, {"signed", signed_part(draft)}});
  EXPECT_ERROR(check_next_root({}, envelope.dump()), Code::kUntrusted, "is signed by 0 of its keys, it takes 2");
  envelope = *with_signature(envelope, first);
  envelope = *with_signature(envelope, first);
  EXPECT_ERROR(check_next_root({}, envelope.dump()), Code::kUntrusted, "is signed by 1 of its keys, it takes 2");
  envelope = *with_signature(envelope, second);
  const std::string root = envelope.dump();
  ASSERT_OK(check_next_root({}, root));
  auto next = draft_of_root(root);
  ASSERT_OK(next);
  EXPECT_EQ(signed_part(*next).dump(), signed_part(draft).dump());
  ++next->version;
  EXPECT_FALSE(replace_key(*next, key_of(7).id(), online));
  EXPECT_TRUE(replace_key(*next, first.id(), key_of(4)));
  Json following = Json::object({{"signatures", Json::array()}, {"signed", signed_part(*next)}});
  following = *with_signature(*with_signature(following, first), second);
  EXPECT_ERROR(check_next_root(root, following.dump()), Code::kUntrusted, "is signed by 1 of its keys");
  ASSERT_OK(check_next_root(root, with_signature(following, key_of(4))->dump()));
  EXPECT_FALSE(with_signature(Json::object(), first));
  EXPECT_EQ(format_time(951868799), "2000-02-29T23:59:59Z");
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
}

TEST(TufMetadata, TimesAreThoseOfTheSpecification) {
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*parse_time("2026-11-27T21:00:01Z"), 1795813201);
  EXPECT_EQ(*parse_time("2000-02-29T23:59:59Z"), 951868799);
  for (const char* const bad :
       {"", "2026-11-27", "2026-11-27T21:00:01", "2026-11-27T21:00:01+00:00", "2026-13-27T21:00:01Z",
        "2026-11-27T24:00:00Z", "2026-11-27T21:60:00Z", "2026-1a-27T21:00:01Z"})
    EXPECT_FALSE(parse_time(bad).has_value()) << bad;
}

TEST(CanonicalJson, EqualsTheExamplesOfSecuresystemslib) {
  const auto form = [](std::string_view text) { return canonical_json(*Json::parse(text)).value_or("fails"); };
  EXPECT_EQ(form("\"\""), "\"\"");
  EXPECT_EQ(form("[1, 2, 3]"), "[1,2,3]");
  EXPECT_EQ(form("[]"), "[]");
  EXPECT_EQ(form("{}"), "{}");
  EXPECT_EQ(form("{\"A\": [99]}"), "{\"A\":[99]}");
  EXPECT_EQ(form("{\"y\": 2, \"x\": 3}"), "{\"x\":3,\"y\":2}");
  EXPECT_EQ(form("{\"x\": 3, \"y\": null}"), "{\"x\":3,\"y\":null}");
  EXPECT_EQ(form("[true, false]"), "[true,false]");
  EXPECT_EQ(form("\"a\\\"b\\\\c\\n\\u00e9\""), "\"a\\\"b\\\\c\n\xC3\xA9\"");  // a line feed stays one
  EXPECT_EQ(form("{\"b\":{\"a\":{}},\"a\":[{}]}"), "{\"a\":[{}],\"b\":{\"a\":{}}}");
  EXPECT_EQ(form("-9007199254740993"), "-9007199254740993");
  EXPECT_EQ(form("1.3"), "fails");
}

TEST(SigningKey, SignsAsRfc8032Says) {
  // RFC 8032, 7.1, TEST 2: one byte, 0x72.
  const auto seed_text = bytes_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  SigningKey::Seed seed;
  std::ranges::copy(std::as_bytes(std::span(*seed_text)), seed.begin());
  const auto key = SigningKey::make(seed);
  ASSERT_OK(key);
  const std::byte message{0x72};
  const std::string signature = key->sign(std::span(&message, 1));
  EXPECT_EQ(hex_of(std::as_bytes(std::span(signature))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4"
            "302aeeb00d291612bb0c00");
  EXPECT_EQ(*key->public_json().find("keyval")->get_string("public"),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(key->seed(), seed);
  const auto public_key = PublicKey::parse(key->public_json());
  ASSERT_OK(public_key);
  EXPECT_TRUE(public_key->verifies(std::as_bytes(std::span(signature)), std::span(&message, 1)));
  const std::byte other{0x73};
  EXPECT_FALSE(public_key->verifies(std::as_bytes(std::span(signature)), std::span(&other, 1)));
  EXPECT_NE(SigningKey::generate()->id(), SigningKey::generate()->id());
}

}  // namespace
}  // namespace arete::bundle::tuf
