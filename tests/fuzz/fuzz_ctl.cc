// The control socket: octets as a client may send them, and replies as a daemon may. What decodes encodes and decodes
// Links: ctl
// again.
#include <cstdlib>

#include "ctl/session.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  ctl::ServerSession session("fuzz");
  (void)session.feed(ctl::frame(ctl::encode(ctl::RequestFrame{1, ctl::Hello{}})));
  (void)session.feed(input);
  while (auto request = session.next_request()) session.reply(request->id, ctl::Done{});
  if (const auto request = ctl::decode_request(input)) {
    if (!ctl::decode_request(ctl::encode(*request))) std::abort();
  }
  if (const auto reply = ctl::decode_reply(input)) {
    if (!ctl::decode_reply(ctl::encode(*reply))) std::abort();
  }
  return 0;
}
