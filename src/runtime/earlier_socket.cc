// See earlier_socket.h.
#include "runtime/earlier_socket.h"

#include <netinet/in.h>

#include <set>

#include "runtime/endpoint_octets.h"

namespace sallyport::runtime {
namespace {

constexpr uint8_t kSynSent = 2, kListening = 10;
// Of connections: established, and on their way to an end that the program has not been told of.
constexpr uint32_t kConnected = 1u << 1 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 11;
constexpr uint32_t kAllStates = ~0u;

bool is_secured(const FoundSocket& socket) { return socket.uid && is_marked(socket); }

}  // namespace

Bytes EarlierSocket::write() const {
  Writer out;
  out.u8(protocol);
  out.u8(socket.state);
  out.u8(socket.v6_only);
  out.u8(socket.uid.has_value());
  out.u32(socket.uid.value_or(0));
  out.u32(socket.mark);
  out.u64(socket.cookie);
  put_endpoint(out, socket.local);
  put_endpoint(out, socket.remote);
  return out.take();
}

Result<EarlierSocket> EarlierSocket::parse(ByteView octets) {
  Reader in(octets);
  EarlierSocket out;
  SP_TRY(out.protocol, in.u8());
  SP_TRY(out.socket.state, in.u8());
  SP_TRY(const uint8_t v6_only, in.u8());
  SP_TRY(const uint8_t owned, in.u8());
  SP_TRY(const uint32_t uid, in.u32());
  SP_TRY(out.socket.mark, in.u32());
  SP_TRY(out.socket.cookie, in.u64());
  SP_TRY(out.socket.local, take_endpoint(in));
  SP_TRY(out.socket.remote, take_endpoint(in));
  SP_CHECK(in.expect_end());
  out.socket.v6_only = v6_only != 0;
  if (owned != 0) out.socket.uid = uid;
  return out;
}

std::vector<EarlierSocket> take_earlier_sockets(SocketLookup& lookup) {
  std::vector<EarlierSocket> out;
  lookup.each(IPPROTO_TCP, 1u << kListening | 1u << kSynSent, 0, [&](const FoundSocket& one) {
    if (is_secured(one)) out.push_back({IPPROTO_TCP, one});
  });
  lookup.each(IPPROTO_UDP, kAllStates, 0, [&](const FoundSocket& one) {
    if (is_secured(one)) out.push_back({IPPROTO_UDP, one});
  });
  std::vector<FoundSocket> connected;
  std::set<std::pair<IpEndpoint, IpEndpoint>> ends;
  lookup.each(IPPROTO_TCP, kConnected, 0, [&](const FoundSocket& one) {
    ends.emplace(one.local, one.remote);
    if (is_marked(one)) connected.push_back(one);
  });
  for (const FoundSocket& one : connected) {
    if (!ends.contains({one.remote, one.local})) (void)lookup.end(IPPROTO_TCP, one);
  }
  return out;
}

bool has_earlier_sockets(SocketLookup& lookup) {
  bool any = false;
  for (const uint8_t protocol : {uint8_t{IPPROTO_TCP}, uint8_t{IPPROTO_UDP}})
    lookup.each(protocol, kAllStates, 0, [&](const FoundSocket& one) { any = any || is_marked(one); });
  return any;
}

std::optional<EarlierSocket> find_earlier_socket(SocketLookup& lookup, uint8_t protocol, const IpEndpoint& local,
                                                 const IpEndpoint& remote) {
  const auto found = lookup.find(protocol, local, remote);
  if (!found || !is_secured(*found)) return std::nullopt;
  return EarlierSocket{protocol, *found};
}

}  // namespace sallyport::runtime
