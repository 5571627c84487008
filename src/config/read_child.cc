// [connection.NAME.child.CHILD], and proposals.
#include "config/read_parts.h"

namespace sallyport::config {

namespace {

constexpr std::string_view kMissing[] = {"", "an encryption algorithm", "a prf (prfsha256, …)",
                                         "an integrity algorithm (sha256, …)", "a key exchange group (x25519, …)"};

std::string explain_proposal(const std::string& text, const Error& error) {
  const std::string quoted = "\"" + text + "\"";
  if (error.code == Errc::bad_value) {
    const size_t at = std::min<size_t>(error.detail, text.size());
    const std::string word = text.substr(at, text.find('-', at) - at);
    for (std::string_view known : model::proposal_words()) {
      if (known == word) return quoted + " says " + word + " twice.";
    }
    const auto near = nearest(word, model::proposal_words());
    return "\"" + word + "\" in " + quoted + " is no algorithm" +
           (near ? "; did you mean \"" + std::string(*near) + "\"?" : "; docs/configuration.md lists the words.");
  }
  if (error.code == Errc::missing_payload && error.detail >= 1 && error.detail <= 4) {
    return quoted + " lacks " + std::string(kMissing[error.detail]) + ".";
  }
  return quoted +
         " mixes what cannot be in one proposal: ciphers with built-in integrity (gcm, ccm, chacha20poly1305) stand "
         "alone, "
         "the others with sha…; prf words belong to ike, esn words to esp.";
}

bool read_selectors(Section& section, std::string_view key, model::Selectors& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) {
    if (section.node().find(key) == nullptr) section.refuse("", "lacks \"" + std::string(key) + "\": which addresses?");
    return false;
  }
  // RFC 7296 3.13: the number of selectors of a TS payload is one octet.
  if (texts.size() > 255) {
    section.refuse(key, "holds more than 255 selectors.");
    return false;
  }
  bool good = true;
  for (const std::string& text : texts) {
    if (const auto selector = model::parse_selector(text)) {
      out.push_back(*selector);
    } else {
      section.refuse(key,
                     "\"" + text +
                         "\" is no selector; write it like \"10.1.0.0/24\" (host bits zero), \"10.1.0.5-10.1.0.9\" or "
                         "\"10.1.0.0/24[tcp/443]\".");
      good = false;
    }
  }
  return good;
}

void read_lifetime(Section section, model::Lifetime& out) {
  Duration time{};
  if (section.read_duration("time", time, seconds(1), hours(24 * 365), true)) {
    out.time = time == Duration::zero() ? std::nullopt : std::optional(time);
  }
  section.read_size("bytes", out.bytes);
  section.read_size("packets", out.packets);
  section.finish();
}

// rekey = "1h" or rekey = { time = "1h", bytes = "10GiB", packets = 1000000 }
void read_lifetime_key(Section& section, std::string_view key, model::Lifetime& out) {
  const Node* value = section.find(key);
  if (value == nullptr) return;
  if (value->kind == Node::Kind::string) {
    Duration time{};
    if (section.read_duration(key, time, seconds(1), hours(24 * 365), true)) {
      out.time = time == Duration::zero() ? std::nullopt : std::optional(time);
    }
    return;
  }
  read_lifetime(Section(*value, section.path_of(key), section.reading(), section.line_of(key)), out);
}

uint64_t tenth_more(uint64_t soft) { return soft > UINT64_MAX / 2 ? UINT64_MAX : soft + soft / 10 + 1; }

// A hard limit that is not written is a tenth past the soft one, so that a rekey has time to finish.
model::Lifetime default_hard(const model::Lifetime& soft) {
  model::Lifetime hard;
  if (soft.time) hard.time = *soft.time + std::max<Duration>(*soft.time / 10, seconds(10));
  if (soft.bytes) hard.bytes = tenth_more(*soft.bytes);
  if (soft.packets) hard.packets = tenth_more(*soft.packets);
  return hard;
}

void check_order(Section& section, const model::Lifetime& soft, const model::Lifetime& hard) {
  if ((soft.time && hard.time && *hard.time <= *soft.time) ||
      (soft.bytes && hard.bytes && *hard.bytes <= *soft.bytes) ||
      (soft.packets && hard.packets && *hard.packets <= *soft.packets)) {
    section.refuse("hard", "must lie past rekey: the SA dies at hard, and the rekey needs time before that.");
  }
}

}  // namespace

bool read_proposals(Section& section, std::string_view key, model::Protocol protocol, model::Proposals& out) {
  std::vector<std::string> texts;
  if (!section.read_list(key, texts)) return false;
  model::Proposals proposals;
  if (texts.size() > 255) {
    section.refuse(key, "holds more than 255 proposals.");
    return false;
  }
  for (const std::string& text : texts) {
    auto proposal = model::parse_proposal(protocol, text);
    if (!proposal) {
      section.refuse(key, explain_proposal(text, proposal.error()));
      return false;
    }
    // RFC 7296 3.3.1: numbers count from 1.
    proposal->number = static_cast<uint8_t>(proposals.size() + 1);
    proposals.push_back(std::move(*proposal));
  }
  out = std::move(proposals);
  return true;
}

void read_child(Section& section, model::ChildPolicy& out) {
  read_selectors(section, "local", out.local);
  read_selectors(section, "remote", out.remote);
  if (!read_proposals(section, "esp", model::Protocol::ESP, out.proposals) && section.node().find("esp") == nullptr) {
    for (std::string_view text :
         {"aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn", "aes256-aes128-sha256-sha384-sha512-esn-noesn"}) {
      auto proposal = model::parse_proposal(model::Protocol::ESP, text);
      if (!proposal) continue;
      proposal->number = static_cast<uint8_t>(out.proposals.size() + 1);
      out.proposals.push_back(std::move(*proposal));
    }
  }
  std::string word;
  if (section.read_word("start", word, {"up", "route", "none"})) {
    out.start = word == "up"      ? model::ChildPolicy::Start::up
                : word == "route" ? model::ChildPolicy::Start::route
                                  : model::ChildPolicy::Start::none;
  }
  if (section.read("mode", word)) {
    if (word == "transport") {
      section.refuse("mode", "transport mode is not supported by this version; leave mode out for tunnel mode.");
    } else if (word != "tunnel") {
      section.refuse("mode", "\"" + word + "\" is not known here" + suggestion(word, {"tunnel"}));
    }
  }
  out.rekey.time = hours(1);
  read_lifetime_key(section, "rekey", out.rekey);
  out.hard = default_hard(out.rekey);
  read_lifetime_key(section, "hard", out.hard);
  check_order(section, out.rekey, out.hard);
  if (section.read_number("replay_window", out.replay_window, 64, 4096) &&
      (out.replay_window & (out.replay_window - 1)) != 0) {
    section.refuse("replay_window", "must be a power of two between 64 and 4096.");
  }
  section.finish();
}

}  // namespace sallyport::config
