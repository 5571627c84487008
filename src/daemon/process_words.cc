// See process_words.h.
#include "daemon/process_words.h"

namespace sallyport::daemon {

Bytes token_and_octets(stack::CommandToken token, ByteView octets) {
  Writer out;
  out.u64(token);
  out.bytes(octets);
  return out.take();
}
Bytes token_and_text(stack::CommandToken token, const std::string& text) {
  return token_and_octets(token, as_bytes(text));
}
stack::CommandToken token_of(const Bytes& body) { return body.size() >= 8 ? load_be64(body.data()) : 0; }
std::string text_of(const Bytes& body) { return std::string(as_text(after_token(body))); }
ByteView after_token(const Bytes& body) { return body.size() > 8 ? ByteView(body).subspan(8) : ByteView(); }

}  // namespace sallyport::daemon
