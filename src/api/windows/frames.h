// The few messages of the control protocol that this library speaks, by hand: it is loaded into programs that may have
// a protobuf of their own, so it brings none. Field numbers are those of proto/control.proto; a test compares with the
// generated code. Pure; any thread.
#pragma once
#include <string_view>

#include "base/bytes.h"

namespace sallyport::api::windows {

// Bodies of frames from the client.
Bytes write_hello(uint64_t id, uint32_t version, std::string_view program);
Bytes write_call(uint64_t id, uint32_t function, ByteView octets);

struct Reply {
  enum class Kind : uint8_t { other, done, answer, notice };
  uint64_t id = 0;
  Kind kind = Kind::other;
  uint32_t code = 0;   // of done and answer
  uint32_t index = 0;  // of answer
  Bytes octets;        // of answer and notice
};
// truncated or bad_value: no message at all. Fields it does not know are passed over.
Result<Reply> parse_reply(ByteView body);

}  // namespace sallyport::api::windows
