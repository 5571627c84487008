// Users beside the machines, by certificate: local_user and remote_user of a connection, user of quick mode policy, and
// [[user]], the accounts of this host. RFC 4739.
#include <algorithm>

#include "config/read_parts.h"

namespace sallyport::config {

namespace {

using Kind = model::AuthPolicy::Kind;

std::optional<model::Identity> read_user_identity(Section& section) {
  std::string text;
  if (!section.read("id", text) || text == "any" || text == "%any") return std::nullopt;
  auto identity = model::Identity::parse(text);
  if (identity) return *identity;
  section.refuse("id", "\"" + text + "\" is no identity; write \"O=Example, CN=alice\" or \"alice@example.org\".");
  return std::nullopt;
}

void need(Section& section, std::string_view key, bool there) {
  if (!there && section.node().find(key) == nullptr) section.refuse("", "lacks \"" + std::string(key) + "\".");
}

}  // namespace

std::optional<CredentialFiles> read_certificate(Section& section, bool must) {
  CredentialFiles files;
  files.kind = Kind::cert;
  const bool certificate = section.read_path("certificate", files.certificate);
  const bool key = section.read_path("key", files.key);
  if (!must && !certificate && !key) return std::nullopt;
  need(section, "certificate", certificate);
  need(section, "key", key);
  if (!certificate || !key) return std::nullopt;
  files.name = "cert:" + files.certificate + ":" + files.key;
  return files;
}

bool read_anchors(Section& section, TrustFiles& out) {
  if (!section.read_list("ca", out.anchors)) return false;
  out.name = "ca";
  for (std::string& path : out.anchors) {
    path = section.reading().beside(path);
    out.name += ":" + path;
  }
  return true;
}

std::optional<model::LocalUser> read_local_user(Section& parent, std::string_view key, Settings& settings) {
  const Node* node = parent.find(key);
  if (node == nullptr) return std::nullopt;
  Section section(*node, parent.path_of(key), parent.reading(), parent.line_of(key));
  const auto files = read_certificate(section, true);
  const auto identity = read_user_identity(section);
  section.finish();
  if (!files) return std::nullopt;
  add_credential(settings, *files);
  return model::LocalUser{identity.value_or(model::Identity{}), files->name};
}

std::optional<model::RemoteUser> read_remote_user(Section& parent, std::string_view key, Settings& settings) {
  const Node* node = parent.find(key);
  if (node == nullptr) return std::nullopt;
  Section section(*node, parent.path_of(key), parent.reading(), parent.line_of(key));
  TrustFiles trust;
  const bool there = read_anchors(section, trust);
  need(section, "ca", there);
  model::RemoteUser out;
  out.id = read_user_identity(section);
  // As of the machine: a CA vouches for many, and whom of them we mean has to be said.
  need(section, "id", node->find("id") != nullptr);
  section.read("required", out.required);
  section.finish();
  if (!there) return std::nullopt;
  out.trust = trust.name;
  add_trust(settings, trust);
  return out;
}

std::optional<UserSettings> read_policy_user(Section& parent, const std::string& credential, Settings& settings) {
  const Node* node = parent.find("user");
  if (node == nullptr) return std::nullopt;
  Section section(*node, parent.path_of("user"), parent.reading(), parent.line_of("user"));
  const size_t errors_before = section.reading().errors->size();
  UserSettings out;
  section.read("accounts", out.proves);
  if (auto files = read_certificate(section, false)) {
    files->name = credential;
    add_credential(settings, *files);
    out.proves = true;
  }
  if (TrustFiles trust; read_anchors(section, trust)) {
    trust.name = credential;
    add_trust(settings, trust);
    out.demands = true;
  }
  section.finish();
  if (!out.proves && !out.demands && section.reading().errors->size() == errors_before)
    section.refuse("",
                   "says nothing: write \"ca\" where peers prove a user, \"certificate\" and \"key\" of the user "
                   "of this host, or accounts = true where its users have theirs in [[user]].");
  return out;
}

void repeat_policy_user(const std::string& credential, const std::string& other, Settings& settings) {
  const auto repeat = [&](const auto& all, const auto& add) {
    const auto at = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == credential; });
    if (at == all.end()) return;
    auto copy = *at;
    copy.name = other;
    add(settings, copy);
  };
  repeat(settings.credentials, add_credential);
  repeat(settings.trust, add_trust);
}

void read_account_user(Section& section, Settings& settings) {
  AccountUserFiles out;
  if (!section.read("account", out.account)) need(section, "account", false);
  const auto files = read_certificate(section, true);
  if (auto identity = read_user_identity(section)) out.user.id = std::move(*identity);
  section.finish();
  if (out.account.empty() || !files) return;
  const auto same = [&](const auto& each) { return each.account == out.account; };
  if (std::any_of(settings.users.begin(), settings.users.end(), same)) {
    section.refuse("account", "\"" + out.account + "\" has a certificate already.");
    return;
  }
  out.user.credential = files->name;
  add_credential(settings, *files);
  settings.users.push_back(std::move(out));
}

}  // namespace sallyport::config
