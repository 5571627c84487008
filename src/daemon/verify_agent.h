// The helper process's work: a peer's certificate chain, identity and signature against our trust anchors, and names to
// addresses. It parses what peers sent, so it holds no key and no socket but its channel and the resolver's. One
// thread.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "config/load.h"
#include "model/key_request.h"

namespace sallyport::daemon {

class VerifyAgent {
 public:
  // Replaces the trust anchors. Each complaint is one sentence.
  std::vector<std::string> load(config::FileSource& files, const std::vector<config::TrustFiles>& trust);
  model::KeyReply answer(const model::KeyRequest& request) const;

 private:
  std::vector<Bytes> anchors_of(std::string_view trust) const;  // empty: there is no such set, or part of one

  std::map<std::string, std::vector<Bytes>, std::less<>> anchors_;
};

}  // namespace sallyport::daemon
