// See key_agent.h.
#include "daemon/key_agent.h"

#include <algorithm>
#include <cmath>

#include "crypto/psk.h"
#include "runtime/file_store.h"

namespace sallyport::daemon {
namespace {

using model::AuthData;
using model::KeyReply;
using model::PskAuth;
using model::Refused;
using model::Sign;

// Six bits of a base64 digit; -1 for anything else.
int base64_value(uint8_t digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  if (digit == '/') return 63;
  return -1;
}

Result<SecretBytes> from_base64(ByteView text) {
  while (!text.empty() && text.back() == '=') text = text.first(text.size() - 1);
  SecretBytes out(text.size() * 6 / 8);
  size_t at = 0;
  uint32_t bits = 0;
  unsigned held = 0;
  for (const uint8_t digit : text) {
    const int value = base64_value(digit);
    if (value < 0) return fail(Errc::bad_value);
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffffff;
    held += 6;
    if (held >= 8 && at < out.size()) {
      held -= 8;
      out.writable()[at++] = static_cast<uint8_t>(bits >> held);
    }
  }
  return out;
}

int hex_value(uint8_t digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

Result<SecretBytes> from_hex_secret(ByteView text) {
  if (text.size() % 2 != 0) return fail(Errc::bad_value);
  SecretBytes out(text.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return fail(Errc::bad_value);
    out.writable()[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return out;
}

}  // namespace

Result<SecretBytes> secret_of_file(ByteView content) {
  const auto end = std::find(content.begin(), content.end(), uint8_t{'\n'});
  ByteView line = content.first(static_cast<size_t>(end - content.begin()));
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (line.empty()) return fail(Errc::bad_value);
  if (line.size() > 2 && line[0] == '0' && line[1] == 'x') return from_hex_secret(line.subspan(2));
  if (line.size() > 2 && line[0] == '0' && line[1] == 's') return from_base64(line.subspan(2));
  return SecretBytes(line);
}

unsigned secret_bits(ByteView secret) {
  bool seen[256] = {};
  size_t distinct = 0;
  bool lower = false, upper = false, digits = false, signs = false, others = false;
  for (const uint8_t octet : secret) {
    if (!seen[octet]) ++distinct;
    seen[octet] = true;
    if (octet >= 'a' && octet <= 'z') {
      lower = true;
    } else if (octet >= 'A' && octet <= 'Z') {
      upper = true;
    } else if (octet >= '0' && octet <= '9') {
      digits = true;
    } else if (octet >= ' ' && octet <= '~') {
      signs = true;
    } else {
      others = true;
    }
  }
  const unsigned letters =
      others ? 256u : (lower ? 26u : 0u) + (upper ? 26u : 0u) + (digits ? 10u : 0u) + (signs ? 33u : 0u);
  // Of what comes again and again a part counts only.
  const size_t counted = std::min(secret.size(), 2 * distinct);
  return letters == 0 ? 0 : static_cast<unsigned>(static_cast<double>(counted) * std::log2(letters));
}

static std::string weak_secret(const std::string& path, unsigned bits) {
  return "the secret in " + path + " is short or simple (about " + std::to_string(bits) + " bits, and fewer than " +
         std::to_string(kWantedSecretBits) +
         " may be guessed by a peer that tries): take one of 16 random octets or more";
}

std::vector<std::string> KeyAgent::load(const std::vector<config::CredentialFiles>& files) {
  std::vector<std::string> complaints;
  warnings_.clear();
  secrets_.clear();
  keys_.clear();
  for (const auto& credential : files) {
    const bool psk = credential.kind == model::AuthPolicy::Kind::psk;
    const std::string& path = psk ? credential.secret : credential.key;
    auto content = runtime::read_secret_file(path);
    if (!content) {
      complaints.push_back(runtime::explain_secret(path, content.error()));
      continue;
    }
    if (psk) {
      if (auto secret = secret_of_file(content->view())) {
        const unsigned bits = secret_bits(secret->view());
        if (bits < kWantedSecretBits) warnings_.push_back(weak_secret(path, bits));
        secrets_[credential.name] = std::move(*secret);
      } else {
        complaints.push_back("the secret file " + path +
                             " holds no secret: its first line is empty or not 0x… or 0s… digits");
      }
    } else if (auto key = crypto::PrivateKey::from_pem(content->view())) {
      keys_[credential.name] = std::make_unique<crypto::PrivateKey>(std::move(*key));
    } else {
      complaints.push_back("the private key file " + path + " holds no usable PEM private key");
    }
  }
  return complaints;
}

void KeyAgent::learn_policy_secret(const std::string& name, ByteView secret) {
  if (secret.empty() || policy_secrets_.size() >= kMostPolicySecrets) return;
  policy_secrets_[name] = SecretBytes(secret);
}

KeyReply KeyAgent::answer(const model::KeyRequest& request) const {
  if (const auto* psk = std::get_if<PskAuth>(&request)) {
    return crypto::run_psk(*psk, [this](const std::string& credential) -> const SecretBytes* {
      if (const auto secret = secrets_.find(credential); secret != secrets_.end()) return &secret->second;
      const auto of_policy = policy_secrets_.find(credential);
      return of_policy == policy_secrets_.end() ? nullptr : &of_policy->second;
    });
  }
  if (const auto* sign = std::get_if<Sign>(&request)) {
    const auto key = keys_.find(sign->credential);
    if (key == keys_.end()) return Refused{Errc::bad_key, "there is no usable private key " + sign->credential};
    auto signature = key->second->sign(sign->method, sign->hash, sign->pss, sign->octets);
    if (!signature) return Refused{signature.error().code, "the private key cannot make this signature"};
    return AuthData{std::move(*signature)};
  }
  return Refused{Errc::permission, "not work for the key process"};
}

}  // namespace sallyport::daemon
