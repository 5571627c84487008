// [connection.NAME]: who the peer is, how both sides prove it, how the IKE SA is kept.
#include <algorithm>

#include "config/read_parts.h"

namespace sallyport::config {

namespace {

using Kind = model::AuthPolicy::Kind;

bool looks_like_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') return false;
  // Digits and dots only would be an address that is written wrong.
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
         std::string_view::npos;
}

// "any" alone stands for no restriction and reads as an empty list.
void read_addresses(Section& section, bool names_allowed, std::vector<std::string>& out) {
  std::vector<std::string> texts;
  if (!section.read_list("address", texts)) return;
  if (texts.size() == 1 && (texts[0] == "any" || texts[0] == "%any")) return;
  for (const std::string& text : texts) {
    if (const auto address = IpAddr::parse(text)) {
      if (address->is_multicast() || address->is_any()) {
        section.refuse("address", "\"" + text + "\" is no address of one host; write \"any\" to leave it open.");
        return;
      }
      out.push_back(address->to_string());
    } else if (names_allowed && looks_like_host_name(text)) {
      out.push_back(text);
    } else {
      section.refuse("address",
                     "\"" + text + "\" is neither an IP address" +
                         (names_allowed ? " nor a host name; \"any\" leaves it open." : "; \"any\" leaves it open."));
      return;
    }
  }
}

std::optional<model::Identity> read_identity(Section& section) {
  std::string text;
  if (!section.read("id", text) || text == "any" || text == "%any") return std::nullopt;
  auto identity = model::Identity::parse(text);
  if (!identity) {
    section.refuse(
        "id", "\"" + text +
                  "\" is no identity; write an address, \"gw.example.org\", \"user@example.org\", \"CN=gw, O=Example\" "
                  "or \"keyid:00ff\".");
    return std::nullopt;
  }
  return *identity;
}

// What one auth table says; each direction takes its part.
struct Auth {
  bool present = false;
  Kind kind = Kind::psk;
  std::string secret, certificate, key;
  std::vector<std::string> anchors;
};

void need(Section& section, std::string_view key, bool wanted, bool there, std::string_view method) {
  if (wanted && !there) section.refuse("", "lacks \"" + std::string(key) + "\".");
  if (!wanted && there && section.node().find(key) != nullptr) {
    section.refuse(key, "has no meaning here with method \"" + std::string(method) + "\".");
  }
}

Auth read_auth(Section& parent, std::string_view key, bool proves_us, bool proves_peer) {
  Auth out;
  const Node* node = parent.find(key);
  if (node == nullptr) return out;
  Section section(*node, parent.path_of(key), parent.reading(), parent.line_of(key));
  std::string method;
  if (!section.read_word("method", method, {"psk", "cert"}) && section.node().find("method") == nullptr) {
    section.refuse("", "lacks \"method\": \"psk\" or \"cert\".");
  }
  out.kind = method == "cert" ? Kind::cert : Kind::psk;
  out.present = !method.empty();
  const bool secret = section.read_path("secret", out.secret);
  const bool certificate = section.read_path("certificate", out.certificate);
  const bool private_key = section.read_path("key", out.key);
  const bool ca = section.read_list("ca", out.anchors);
  for (std::string& path : out.anchors) path = section.reading().beside(path);
  if (out.present) {
    const bool cert = out.kind == Kind::cert;
    need(section, "secret", !cert, secret, method);
    need(section, "certificate", cert && proves_us, certificate, method);
    need(section, "key", cert && proves_us, private_key, method);
    need(section, "ca", cert && proves_peer, ca, method);
  }
  section.finish();
  return out;
}

// Credentials and trust sets are named after their files: the same files are the same thing in every connection.
void use_auth(const Auth& local, const Auth& remote, model::ConnectionPolicy& connection, Settings& settings) {
  const auto credential = [&](const Auth& auth) {
    CredentialFiles files;
    files.kind = auth.kind;
    if (auth.kind == Kind::psk) {
      files.secret = auth.secret;
      files.name = "psk:" + auth.secret;
    } else {
      files.certificate = auth.certificate;
      files.key = auth.key;
      files.name = "cert:" + auth.certificate + ":" + auth.key;
    }
    add_credential(settings, files);
    return files.name;
  };
  connection.local_auth = {local.kind, credential(local), ""};
  connection.remote_auth.kind = remote.kind;
  if (remote.kind == Kind::psk) {
    connection.remote_auth.credential = credential(remote);
    return;
  }
  TrustFiles trust{"ca", remote.anchors};
  for (const std::string& path : remote.anchors) trust.name += ":" + path;
  connection.remote_auth.trust = trust.name;
  add_trust(settings, trust);
}

void read_auths(Section& section, model::ConnectionPolicy& connection, Settings& settings) {
  const Auth both = read_auth(section, "auth", true, true);
  Auth local = read_auth(section, "local_auth", true, false);
  Auth remote = read_auth(section, "remote_auth", false, true);
  if (both.present && (local.present || remote.present)) {
    section.refuse("auth", "stands for both sides; leave it out where local_auth and remote_auth are written.");
  }
  const Node& node = section.node();
  const bool refused = (!both.present && node.find("auth") != nullptr) ||
                       (!local.present && node.find("local_auth") != nullptr) ||
                       (!remote.present && node.find("remote_auth") != nullptr);
  if (!local.present) local = both;
  if (!remote.present) remote = both;
  if (!local.present || !remote.present) {
    if (!refused) {
      section.refuse("", both.present || local.present || remote.present
                             ? "lacks the other of \"local_auth\" and \"remote_auth\"."
                             : "lacks \"auth\": how do the two sides prove who they are?");
    }
    return;
  }
  use_auth(local, remote, connection, settings);
}

void read_local(Section& section, model::ConnectionPolicy& out) {
  std::optional<model::Identity> identity;
  if (const Node* node = section.find("local")) {
    Section local(*node, section.path_of("local"), section.reading(), section.line_of("local"));
    read_addresses(local, false, out.local_addrs);
    identity = read_identity(local);
    local.finish();
  }
  if (identity) {
    out.local_id = *identity;
  } else if (!out.local_addrs.empty()) {
    if (auto parsed = model::Identity::parse(out.local_addrs.front())) out.local_id = *parsed;
  } else {
    section.refuse("local", "lacks \"id\", and there is no address to take its place: who are we?");
  }
}

void read_remote(Section& section, model::ConnectionPolicy& out) {
  bool any_written = false;
  if (const Node* node = section.find("remote")) {
    Section remote(*node, section.path_of("remote"), section.reading(), section.line_of("remote"));
    read_addresses(remote, true, out.remote_addrs);
    out.remote_id = read_identity(remote);
    any_written = node->find("id") != nullptr;
    remote.read_number("port", out.remote_port, 1, 65535);
    remote.finish();
  }
  // A CA vouches for many; whom of them do we mean? A shared secret has two owners only.
  if (!out.remote_id && !any_written && out.remote_auth.kind == Kind::cert) {
    section.refuse(
        "remote",
        "lacks \"id\": which identity must the peer's certificate prove? \"any\" accepts every one of the CA.");
  }
}

void read_retransmit(Section section, model::ConnectionPolicy& out) {
  section.read_duration("timeout", out.retransmit_timeout, milliseconds(50), minutes(5), false);
  section.read("factor", out.retransmit_factor, 1.0, 10.0);
  section.read_number("tries", out.retransmit_tries, 1, 100);
  section.finish();
}

void read_timers(Section& section, model::ConnectionPolicy& out) {
  const bool rekey = section.read_duration("rekey", out.rekey_time, seconds(1), hours(24 * 365), true);
  if (rekey && out.rekey_time > Duration::zero()) {
    out.over_time = std::max<Duration>(out.rekey_time / 10, seconds(10));
  }
  section.read_duration("over_time", out.over_time, seconds(1), hours(24 * 30), false);
  section.read_duration("dpd", out.dpd_delay, milliseconds(100), hours(24), true);
  section.read_duration("nat_keepalive", out.nat_keepalive, seconds(1), hours(1), true);
  section.read_duration("retry", out.retry_delay, milliseconds(100), hours(1), false);
  if (const Node* node = section.find("retransmit")) {
    read_retransmit(Section(*node, section.path_of("retransmit"), section.reading(), section.line_of("retransmit")),
                    out);
  }
  section.read("keep_up", out.keep_up);
  section.read("force_encap", out.force_encap);
  section.read("fragmentation", out.fragmentation);
  // RFC 7383 2.5.1: 576 is the least every IPv4 host takes; 1280 the least of IPv6.
  section.read_number("fragment_size", out.fragment_size, 576, 9000);
}

void read_children(Section& section, model::ConnectionPolicy& out) {
  const Node* node = section.find("child");
  if (node == nullptr || node->kind != Node::Kind::table || node->members.empty()) {
    section.refuse("child", "there is no child: add [" + section.path_of("child") +
                                ".NAME] with local and remote, the addresses whose traffic is protected.");
    return;
  }
  for (const Member& member : node->members) {
    const std::string path = section.path_of("child") + "." + member.key;
    if (!valid_name(member.key)) {
      section.reading().refuse(member.line, path, "a name has 1 to 64 letters, digits, '-' or '_'.");
      continue;
    }
    Section child(member.value, path, section.reading(), member.line);
    model::ChildPolicy policy;
    policy.name = member.key;
    read_child(child, out, policy);
    out.children.push_back(std::move(policy));
  }
}

}  // namespace

void add_credential(Settings& settings, const CredentialFiles& files) {
  const auto place = std::lower_bound(settings.credentials.begin(), settings.credentials.end(), files,
                                      [](const auto& a, const auto& b) { return a.name < b.name; });
  if (place == settings.credentials.end() || place->name != files.name) settings.credentials.insert(place, files);
}

void add_trust(Settings& settings, const TrustFiles& trust) {
  const auto place = std::lower_bound(settings.trust.begin(), settings.trust.end(), trust,
                                      [](const auto& a, const auto& b) { return a.name < b.name; });
  if (place == settings.trust.end() || place->name != trust.name) settings.trust.insert(place, trust);
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
             std::string_view::npos;
}

model::AuthPolicy::Kind read_shared_auth(Section& section, const std::string& credential, Settings& settings,
                                         std::string& secret_file) {
  const Auth auth = read_auth(section, "auth", true, true);
  if (!auth.present) {
    if (section.node().find("auth") == nullptr)
      section.refuse("", "lacks \"auth\": how do the two sides prove who they are?");
    return auth.kind;
  }
  secret_file = auth.secret;
  add_credential(settings, {credential, auth.kind, auth.secret, auth.certificate, auth.key});
  if (auth.kind == Kind::psk) return auth.kind;
  add_trust(settings, {credential, auth.anchors});
  return auth.kind;
}

void read_connection(Section& section, const std::string& name, Settings& settings) {
  const size_t errors_before = section.reading().errors->size();
  model::ConnectionPolicy out;
  out.name = name;
  read_local(section, out);
  read_auths(section, out, settings);
  read_remote(section, out);
  out.local_user = read_local_user(section, "local_user", settings);
  out.remote_user = read_remote_user(section, "remote_user", settings);
  if (!read_proposals(section, "ike", model::Protocol::IKE, out.ike_proposals) &&
      section.node().find("ike") == nullptr) {
    for (std::string_view text : {"aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-x25519-"
                                  "ecp256-ecp384-modp3072-modp2048",
                                  "aes256-aes128-sha256-sha384-sha512-x25519-ecp256-ecp384-modp3072-modp2048"}) {
      auto proposal = model::parse_proposal(model::Protocol::IKE, text);
      if (!proposal) continue;
      proposal->number = static_cast<uint8_t>(out.ike_proposals.size() + 1);
      out.ike_proposals.push_back(std::move(*proposal));
    }
  }
  read_timers(section, out);
  read_children(section, out);
  const bool starts = std::any_of(out.children.begin(), out.children.end(),
                                  [](const auto& c) { return c.start != model::ChildPolicy::Start::none; });
  const bool good = section.reading().errors->size() == errors_before;
  if (good && out.remote_addrs.empty() && (out.keep_up || starts)) {
    section.refuse("remote", "lacks \"address\": a connection that starts by itself must know where the peer is.");
  }
  section.finish();
  settings.connections.push_back(std::move(out));
}

}  // namespace sallyport::config
