// Payload chains. RFC 7296 3.2.
//
//   generic header: 0 next payload   1 critical bit (0x80)   2..3 length, header included
#include "wire/ike2/message.h"

#include <algorithm>

namespace sallyport::wire::ike2 {

namespace {

constexpr size_t kGenericHeader = 4;
constexpr uint8_t kCritical = 0x80;
constexpr size_t kMaxPayloads = 128;

// P4: how many of a kind one message may hold. RFC 7296 3: kinds that stand once.
size_t most(PayloadType type) {
  switch (type) {
    case PayloadType::N:
    case PayloadType::D:
    case PayloadType::CERTREQ:
    case PayloadType::V: return 20;
    case PayloadType::CERT: return 8;
    case PayloadType::SA:
    case PayloadType::KE:
    case PayloadType::IDi:
    case PayloadType::IDr:
    case PayloadType::AUTH:
    case PayloadType::Nonce:
    case PayloadType::TSi:
    case PayloadType::TSr:
    case PayloadType::SK:
    case PayloadType::SKF:
    case PayloadType::CP:
    case PayloadType::EAP: return 1;
    case PayloadType::NONE: break;
  }
  return 20;
}

bool known_type(uint8_t type) {
#define SP_PAYLOAD(name, number, reference) \
  if (type == number) return true;
#include "proto/ikev2.def"
  return false;
}

bool sealed(PayloadType type) { return type == PayloadType::SK || type == PayloadType::SKF; }

void note_first_inner(Payload& payload, PayloadType inner) {
  if (auto* sk = std::get_if<SkPayload>(&payload)) sk->first_inner = inner;
  if (auto* skf = std::get_if<SkfPayload>(&payload)) skf->first_inner = inner;
}

Result<std::vector<Payload>> parse_chain(PayloadType first, ByteView bytes, size_t base, bool may_be_sealed) {
  Reader in(bytes);
  std::vector<Payload> out;
  std::array<uint8_t, 256> counts{};
  PayloadType type = first;
  while (type != PayloadType::NONE) {
    if (out.size() == kMaxPayloads) return fail(Errc::too_many, kMaxPayloads);
    SP_TRY(const uint8_t next, in.u8());
    SP_TRY(const uint8_t flags, in.u8());
    SP_TRY(const uint16_t length, in.u16());
    if (length < kGenericHeader) return fail(Errc::bad_length, length);
    const size_t body_at = base + in.position();
    SP_TRY(const ByteView body, in.view(length - kGenericHeader));
    const auto number = static_cast<uint8_t>(type);
    // RFC 7296 2.5: only what we do not know can be refused by its critical bit.
    if (!known_type(number) && (flags & kCritical) != 0) return fail(Errc::critical_payload, number);
    if (sealed(type) && !may_be_sealed) return fail(Errc::unexpected_payload, number);
    if (++counts[number] > most(type)) return fail(most(type) == 1 ? Errc::unexpected_payload : Errc::too_many, number);
    SP_TRY(Payload payload, parse_body(type, body, body_at));
    if (sealed(type)) {
      // RFC 7296 3.14: the encrypted payload is the last one; its next payload field names the first one inside.
      note_first_inner(payload, static_cast<PayloadType>(next));
      out.push_back(std::move(payload));
      break;
    }
    out.push_back(std::move(payload));
    type = static_cast<PayloadType>(next);
  }
  SP_CHECK(in.expect_end());
  return out;
}

}  // namespace

const NotifyPayload* find_notify(const std::vector<Payload>& payloads, NotifyType type) {
  for (const Payload& p : payloads) {
    const auto* notify = std::get_if<NotifyPayload>(&p);
    if (notify != nullptr && notify->type == type) return notify;
  }
  return nullptr;
}

const IdPayload* find_id(const std::vector<Payload>& payloads, bool initiator) {
  for (const Payload& p : payloads) {
    const auto* id = std::get_if<IdPayload>(&p);
    if (id != nullptr && id->initiator == initiator) return id;
  }
  return nullptr;
}

const TsPayload* find_ts(const std::vector<Payload>& payloads, bool initiator) {
  for (const Payload& p : payloads) {
    const auto* ts = std::get_if<TsPayload>(&p);
    if (ts != nullptr && ts->initiator == initiator) return ts;
  }
  return nullptr;
}

Result<Message> parse_message(ByteView datagram) {
  Message out;
  SP_TRY(out.header, ike::parse_header(datagram));
  // RFC 7296 2.5: another major version may mean anything by what follows; the minor one is ignored.
  if (out.header.major != 2) return fail(Errc::version, out.header.major);
  SP_TRY(out.payloads, parse_chain(out.header.next, datagram.subspan(ike::kHeaderOctets), ike::kHeaderOctets, true));
  return out;
}

Result<std::vector<Payload>> parse_payloads(PayloadType first, ByteView inner) {
  return parse_chain(first, inner, 0, false);
}

PayloadChain write_payloads(const std::vector<Payload>& payloads) {
  PayloadChain out;
  Writer writer;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const PayloadType type = type_of(payloads[i]);
    if (i == 0) out.first = type;
    const size_t start = writer.size();
    writer.u8(i + 1 < payloads.size() ? static_cast<uint8_t>(type_of(payloads[i + 1])) : 0);
    writer.u8(0);
    writer.u16(0);
    write_body(payloads[i], writer);
    writer.patch_u16(start + 2, static_cast<uint16_t>(writer.size() - start));
  }
  out.bytes = writer.take();
  return out;
}

Bytes write_message(const Message& message) {
  PayloadChain chain = write_payloads(message.payloads);
  IkeHeader header = message.header;
  header.next = chain.first;
  header.length = static_cast<uint32_t>(ike::kHeaderOctets + chain.bytes.size());
  Writer out;
  ike::write_header(header, out);
  out.bytes(chain.bytes);
  return out.take();
}

}  // namespace sallyport::wire::ike2
