// Key work between processes: requests and replies of model/key_request.h as octets, over a DescriptorChannel. Both
// ends are ours, but the worker may have been taken over by a peer, so what it sends is parsed with limits and refused,
// never trusted. Pure codec; the channel's users are single-threaded.
#pragma once
#include "model/ids.h"
#include "model/key_request.h"

namespace sallyport::daemon {

struct KeyRequestFrame {
  model::RequestId id = 0;
  model::KeyRequest work;
};
struct KeyReplyFrame {
  model::RequestId id = 0;
  model::KeyReply reply;
};

// Words of the channel to the key process; no word (0) stands for a request.
constexpr uint8_t kForgetPolicySecrets = 1;
constexpr uint8_t kLearnPolicySecret = 2;
Bytes write_policy_secret(const std::string& name, ByteView secret);  // the caller wipes it
struct PolicySecretFrame {
  std::string name;
  SecretBytes secret;
};
Result<PolicySecretFrame> parse_policy_secret(ByteView bytes);

Bytes write_key_request(model::RequestId id, const model::KeyRequest& work);
Result<KeyRequestFrame> parse_key_request(ByteView bytes);
Bytes write_key_reply(model::RequestId id, const model::KeyReply& reply);
Result<KeyReplyFrame> parse_key_reply(ByteView bytes);

}  // namespace sallyport::daemon
