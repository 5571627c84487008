// Where the driver sends key work: other processes, or agents in this one. Replies come on the loop's thread.
#pragma once
#include <functional>

#include "model/ids.h"
#include "model/key_request.h"
#include "stack/policy_secrets.h"

namespace sallyport::runtime {

class KeyPort {
 public:
  virtual ~KeyPort() = default;
  virtual void submit(model::RequestId id, model::KeyRequest work) = 0;
  // Instead of those before; work submitted later finds them.
  virtual void set_policy_secrets(const stack::PolicySecrets& secrets) = 0;
  std::function<void(model::RequestId, model::KeyReply)> on_reply;
};

}  // namespace sallyport::runtime
