// The key process's whole knowledge: secrets and private keys, by the names the configuration gave them. It answers
// PskAuth and Sign and nothing else, and never sees a peer's datagram: what it is handed are octets to be signed.
// Secrets must be readable by their owner only. One thread.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "crypto/signature.h"
#include "model/key_request.h"

namespace sallyport::daemon {

class KeyAgent {
 public:
  // Replaces what it knows. Each complaint is one sentence; a credential with a complaint is refused when asked for.
  std::vector<std::string> load(const std::vector<config::CredentialFiles>& files);
  // About what was loaded last and works, but should not stay so: one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // Secrets of the filter engine's policy, which the worker hands over. One under the name of a configured credential
  // is not taken: a worker that somebody has taken over cannot put its own in the place of those.
  static constexpr size_t kMostPolicySecrets = 4096;
  void forget_policy_secrets() { policy_secrets_.clear(); }
  void learn_policy_secret(const std::string& name, ByteView secret);
  model::KeyReply answer(const model::KeyRequest& request) const;

 private:
  std::map<std::string, SecretBytes, std::less<>> secrets_;
  std::map<std::string, SecretBytes, std::less<>> policy_secrets_;
  std::map<std::string, std::unique_ptr<crypto::PrivateKey>, std::less<>> keys_;
  std::vector<std::string> warnings_;
};

// The secret itself in a file's octets: its first line, or, where the line starts with "0x" or "0s", what the
// hexadecimal or base64 digits after it stand for. bad_value: empty, or digits that are none.
Result<SecretBytes> secret_of_file(ByteView content);

// How many bits somebody has to guess who knows of what sort a secret is, at most: by its length and the variety of its
// octets. Words of a language are worth less than this says.
constexpr unsigned kWantedSecretBits = 80;
unsigned secret_bits(ByteView secret);

}  // namespace sallyport::daemon
