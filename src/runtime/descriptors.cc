// See descriptors.h.
#include "runtime/descriptors.h"

namespace sallyport::runtime {
namespace {

// The single ones, always in this order.
template <class Self>
auto singles(Self& all) {
  return std::array{&all.esp_v4,        &all.esp_v6,
                    &all.ah_v4,         &all.ah_v6,
                    &all.whole_v4,      &all.whole_v6,
                    &all.icmp_v4,       &all.icmp_v6,
                    &all.tun,           &all.control,
                    &all.log_file,      &all.key_log_ike,
                    &all.key_log_esp,   &all.key_log_esp_other,
                    &all.route_lookup,  &all.socket_calls,
                    &all.socket_lookup, &all.asked_packets};
}

}  // namespace

Descriptors Descriptors::duplicate() const {
  Descriptors out;
  for (const auto& socket : udp)
    out.udp.push_back({socket.fd.duplicate(), socket.family, socket.natt, socket.port, socket.trains, socket.worker});
  for (const auto& queue : tun_more) out.tun_more.push_back(queue.duplicate());
  const auto from = singles(*this);
  const auto to = singles(out);
  for (size_t i = 0; i < from.size(); ++i) *to[i] = from[i]->duplicate();
  out.tun_name = tun_name;
  out.tun_index = tun_index;
  out.tun_vnet_header = tun_vnet_header;
  return out;
}

Bytes Descriptors::describe() const {
  Writer out;
  out.u8(static_cast<uint8_t>(udp.size()));
  for (const auto& socket : udp) {
    out.u8(static_cast<uint8_t>(socket.family));
    out.u8(socket.natt ? 1 : 0);
    out.u8(socket.trains ? 1 : 0);
    out.u16(socket.port);
    out.u8(socket.worker);
  }
  out.u8(static_cast<uint8_t>(tun_more.size()));
  for (const Fd* fd : singles(*this)) out.u8(*fd ? 1 : 0);
  out.u32(tun_index);
  out.u8(tun_vnet_header ? 1 : 0);
  out.bytes(as_bytes(tun_name));
  return out.take();
}

std::vector<int> Descriptors::numbers() const {
  std::vector<int> out;
  for (const auto& socket : udp) out.push_back(socket.fd.get());
  for (const auto& queue : tun_more) out.push_back(queue.get());
  for (const Fd* fd : singles(*this)) {
    if (*fd) out.push_back(fd->get());
  }
  return out;
}

Result<Descriptors> Descriptors::assemble(ByteView description, std::vector<Fd> passed) {
  Descriptors out;
  Reader in(description);
  size_t next = 0;
  const auto take = [&](Fd& into) -> Result<> {
    if (next >= passed.size()) return fail(Errc::truncated);
    into = std::move(passed[next++]);
    return {};
  };
  SP_TRY(const uint8_t sockets, in.u8());
  for (unsigned i = 0; i < sockets; ++i) {
    UdpDescriptor socket;
    SP_TRY(const uint8_t family, in.u8());
    SP_TRY(const uint8_t natt, in.u8());
    SP_TRY(const uint8_t trains, in.u8());
    SP_TRY(socket.port, in.u16());
    SP_TRY(socket.worker, in.u8());
    socket.family = family == 4 ? Family::v4 : Family::v6;
    socket.natt = natt != 0;
    socket.trains = trains != 0;
    SP_CHECK(take(socket.fd));
    out.udp.push_back(std::move(socket));
  }
  SP_TRY(const uint8_t queues, in.u8());
  for (unsigned i = 0; i < queues; ++i) SP_CHECK(take(out.tun_more.emplace_back()));
  for (Fd* fd : singles(out)) {
    SP_TRY(const uint8_t present, in.u8());
    if (present != 0) SP_CHECK(take(*fd));
  }
  SP_TRY(out.tun_index, in.u32());
  SP_TRY(const uint8_t vnet_header, in.u8());
  out.tun_vnet_header = vnet_header != 0;
  out.tun_name = std::string(as_text(in.rest()));
  if (next != passed.size()) return fail(Errc::trailing_bytes);
  return out;
}

}  // namespace sallyport::runtime
