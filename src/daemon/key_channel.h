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

Bytes write_key_request(model::RequestId id, const model::KeyRequest& work);
Result<KeyRequestFrame> parse_key_request(ByteView bytes);
Bytes write_key_reply(model::RequestId id, const model::KeyReply& reply);
Result<KeyReplyFrame> parse_key_reply(ByteView bytes);

}  // namespace sallyport::daemon
