// Where the driver sends key work: other processes, or agents in this one. Replies come on the loop's thread.
#pragma once
#include <functional>

#include "model/ids.h"
#include "model/key_request.h"

namespace sallyport::runtime {

class KeyPort {
 public:
  virtual ~KeyPort() = default;
  virtual void submit(model::RequestId id, model::KeyRequest work) = 0;
  std::function<void(model::RequestId, model::KeyReply)> on_reply;
};

}  // namespace sallyport::runtime
