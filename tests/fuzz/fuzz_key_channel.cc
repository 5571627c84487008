// What the worker and the key process tell each other: the worker may have been taken over (T1), so both directions are
// parsed with limits. What parses is written and parsed again as the same.
// Links: model
// Sources: ../src/daemon/key_channel.cc
#include "daemon/key_channel.h"
#include "fuzz/property.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  const ByteView input(bytes, octets);
  if (const auto request = daemon::parse_key_request(input)) {
    const Bytes again = daemon::write_key_request(request->id, request->work);
    const auto second = daemon::parse_key_request(again);
    fuzz::holds(second && second->id == request->id, "a request that was written parses");
    fuzz::holds(daemon::write_key_request(second->id, second->work) == again, "the second writing is the first");
  }
  if (const auto reply = daemon::parse_key_reply(input)) {
    const Bytes again = daemon::write_key_reply(reply->id, reply->reply);
    const auto second = daemon::parse_key_reply(again);
    fuzz::holds(second && second->id == reply->id, "a reply that was written parses");
    fuzz::holds(daemon::write_key_reply(second->id, second->reply) == again, "the second writing is the first");
  }
  return 0;
}
