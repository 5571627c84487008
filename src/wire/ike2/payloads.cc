// The payloads without inner structure, and the switch from payload type to codec. RFC 7296 3.4 to 3.16; RFC 7383 2.5.
#include "wire/ike2/payloads.h"

namespace sallyport::wire::ike2 {

namespace {

using model::IdType;

constexpr size_t kSha1Octets = 20;

// 3.4: 0..1 group   2..3 zero   4.. value
Result<Payload> parse_ke(ByteView body) {
  Reader in(body);
  KePayload out;
  SP_TRY(out.group, in.u16());
  SP_CHECK(in.skip(2));
  out.value = to_bytes(in.rest());
  if (out.value.empty()) return fail(Errc::bad_length);
  return out;
}

// 3.5: 0 type   1..3 zero   4.. identification (P8: the length must fit the type)
Result<Payload> parse_id(ByteView body, bool initiator) {
  Reader in(body);
  IdPayload out;
  out.initiator = initiator;
  SP_TRY(const uint8_t type, in.u8());
  SP_CHECK(in.skip(3));
  out.id.type = static_cast<IdType>(type);
  out.id.value = to_bytes(in.rest());
  const size_t n = out.id.value.size();
  if (n == 0 || n > 1024) return fail(Errc::bad_length, static_cast<uint32_t>(n));
  if ((out.id.type == IdType::ID_IPV4_ADDR && n != 4) || (out.id.type == IdType::ID_IPV6_ADDR && n != 16))
    return fail(Errc::bad_length, static_cast<uint32_t>(n));
  return out;
}

// 3.6: 0 encoding   1.. certificate
Result<Payload> parse_cert(ByteView body) {
  Reader in(body);
  SP_TRY(const uint8_t encoding, in.u8());
  return CertPayload{static_cast<CertEncoding>(encoding), to_bytes(in.rest())};
}

// 3.7: 0 encoding   1.. authorities
Result<Payload> parse_certreq(ByteView body) {
  Reader in(body);
  SP_TRY(const uint8_t encoding, in.u8());
  CertreqPayload out{static_cast<CertEncoding>(encoding), to_bytes(in.rest())};
  if (out.encoding == CertEncoding::X509_SIGNATURE && out.authorities.size() % kSha1Octets != 0)
    return fail(Errc::bad_length);
  return out;
}

// 3.8: 0 method   1..3 zero   4.. data
Result<Payload> parse_auth(ByteView body) {
  Reader in(body);
  SP_TRY(const uint8_t method, in.u8());
  SP_CHECK(in.skip(3));
  return AuthPayload{static_cast<model::AuthMethod>(method), to_bytes(in.rest())};
}

// 3.9: RFC 7296 2.10 and 3.9: 16 to 256 octets
Result<Payload> parse_nonce(ByteView body) {
  if (body.size() < 16 || body.size() > 256) return fail(Errc::bad_length, static_cast<uint32_t>(body.size()));
  return NoncePayload{to_bytes(body)};
}

// 3.10: 0 protocol   1 SPI octets n   2..3 type   4.. SPI, then data
Result<Payload> parse_notify(ByteView body) {
  Reader in(body);
  NotifyPayload out;
  SP_TRY(out.protocol, in.u8());
  SP_TRY(const uint8_t spi_octets, in.u8());
  SP_TRY(const uint16_t type, in.u16());
  SP_TRY(const ByteView spi, in.view(spi_octets));
  out.spi = to_bytes(spi);
  out.type = static_cast<NotifyType>(type);
  out.content = to_bytes(in.rest());
  return out;
}

// 3.11: 0 protocol   1 SPI octets   2..3 number of SPIs   4.. SPIs
Result<Payload> parse_delete(ByteView body) {
  Reader in(body);
  DeletePayload out;
  SP_TRY(const uint8_t protocol, in.u8());
  SP_TRY(const uint8_t spi_octets, in.u8());
  SP_TRY(const uint16_t count, in.u16());
  out.protocol = static_cast<model::Protocol>(protocol);
  if (protocol < 1 || protocol > 3) return fail(Errc::bad_value, protocol);
  const bool ike = out.protocol == model::Protocol::IKE;
  if (spi_octets != (ike ? 0 : 4) || (ike && count != 0)) return fail(Errc::bad_length, spi_octets);
  for (size_t i = 0; i < count; ++i) {
    SP_TRY(const uint32_t spi, in.u32());
    out.spis.push_back(spi);
  }
  SP_CHECK(in.expect_end());
  return out;
}

// 3.15: 0 kind   1..3 zero   4.. attributes: type (15 bits), length, value
Result<Payload> parse_cp(ByteView body) {
  Reader in(body);
  CpPayload out;
  SP_TRY(out.kind, in.u8());
  SP_CHECK(in.skip(3));
  while (!in.empty()) {
    if (out.attributes.size() == 64) return fail(Errc::too_many, 64);
    SP_TRY(const uint16_t type, in.u16());
    SP_TRY(const uint16_t length, in.u16());
    SP_TRY(const ByteView value, in.view(length));
    out.attributes.push_back({static_cast<uint16_t>(type & 0x7FFF), to_bytes(value)});
  }
  return out;
}

// 3.16: an EAP message: code, identifier, length, type and data; the length is the body's
Result<Payload> parse_eap(ByteView body) {
  if (body.size() < 4) return fail(Errc::truncated);
  if (load_be16(body.data() + 2) != body.size()) return fail(Errc::bad_length);
  return EapPayload{to_bytes(body)};
}

// RFC 7383 2.5: 0..1 fragment number   2..3 total fragments   4.. IV and so on
Result<Payload> parse_skf(ByteView body, size_t body_at) {
  Reader in(body);
  SkfPayload out;
  SP_TRY(out.number, in.u16());
  SP_TRY(out.total, in.u16());
  if (out.number == 0 || out.total == 0 || out.number > out.total) return fail(Errc::bad_value, out.number);
  out.body_at = body_at + 4;
  return out;
}

struct Write {
  Writer& out;

  void operator()(const SaPayload& p) { write_sa(p, out); }
  void operator()(const TsPayload& p) { write_ts(p.selectors, out); }
  void operator()(const KePayload& p) {
    out.u16(p.group);
    out.u16(0);
    out.bytes(p.value);
  }
  void operator()(const IdPayload& p) { typed(static_cast<uint8_t>(p.id.type), p.id.value); }
  void operator()(const AuthPayload& p) { typed(static_cast<uint8_t>(p.method), p.content); }
  void operator()(const CertPayload& p) {
    out.u8(static_cast<uint8_t>(p.encoding));
    out.bytes(p.content);
  }
  void operator()(const CertreqPayload& p) {
    out.u8(static_cast<uint8_t>(p.encoding));
    out.bytes(p.authorities);
  }
  void operator()(const NoncePayload& p) { out.bytes(p.value); }
  void operator()(const NotifyPayload& p) {
    out.u8(p.protocol);
    out.u8(static_cast<uint8_t>(p.spi.size()));
    out.u16(static_cast<uint16_t>(p.type));
    out.bytes(p.spi);
    out.bytes(p.content);
  }
  void operator()(const DeletePayload& p) {
    out.u8(static_cast<uint8_t>(p.protocol));
    out.u8(p.protocol == model::Protocol::IKE ? 0 : 4);
    out.u16(static_cast<uint16_t>(p.spis.size()));
    for (const model::Spi spi : p.spis) out.u32(spi);
  }
  void operator()(const VendorPayload& p) { out.bytes(p.content); }
  void operator()(const CpPayload& p) {
    out.u8(p.kind);
    out.zeros(3);
    for (const auto& attribute : p.attributes) {
      out.u16(attribute.type);
      out.u16(static_cast<uint16_t>(attribute.value.size()));
      out.bytes(attribute.value);
    }
  }
  void operator()(const EapPayload& p) { out.bytes(p.message); }
  void operator()(const UnknownPayload& p) { out.bytes(p.content); }
  // Sealed payloads are written by seal_message() and seal_fragments() alone.
  void operator()(const SkPayload&) {}
  void operator()(const SkfPayload&) {}

  void typed(uint8_t type, ByteView value) {
    out.u8(type);
    out.zeros(3);
    out.bytes(value);
  }
};

}  // namespace

std::string_view to_string(NotifyType type) {
#define SP_NOTIFY(name, number, reference) \
  if (type == NotifyType::name) return #name;
#include "proto/ikev2.def"
  return "unknown notify";
}

PayloadType type_of(const Payload& payload) {
  struct Visitor {
    PayloadType operator()(const SaPayload&) { return PayloadType::SA; }
    PayloadType operator()(const KePayload&) { return PayloadType::KE; }
    PayloadType operator()(const IdPayload& p) { return p.initiator ? PayloadType::IDi : PayloadType::IDr; }
    PayloadType operator()(const CertPayload&) { return PayloadType::CERT; }
    PayloadType operator()(const CertreqPayload&) { return PayloadType::CERTREQ; }
    PayloadType operator()(const AuthPayload&) { return PayloadType::AUTH; }
    PayloadType operator()(const NoncePayload&) { return PayloadType::Nonce; }
    PayloadType operator()(const NotifyPayload&) { return PayloadType::N; }
    PayloadType operator()(const DeletePayload&) { return PayloadType::D; }
    PayloadType operator()(const VendorPayload&) { return PayloadType::V; }
    PayloadType operator()(const TsPayload& p) { return p.initiator ? PayloadType::TSi : PayloadType::TSr; }
    PayloadType operator()(const SkPayload&) { return PayloadType::SK; }
    PayloadType operator()(const SkfPayload&) { return PayloadType::SKF; }
    PayloadType operator()(const CpPayload&) { return PayloadType::CP; }
    PayloadType operator()(const EapPayload&) { return PayloadType::EAP; }
    PayloadType operator()(const UnknownPayload& p) { return static_cast<PayloadType>(p.type); }
  };
  return std::visit(Visitor{}, payload);
}

Result<Payload> parse_body(PayloadType type, ByteView body, size_t body_at) {
  switch (type) {
    case PayloadType::SA: {
      SP_TRY(SaPayload sa, parse_sa(body));
      return Payload(std::move(sa));
    }
    case PayloadType::KE: return parse_ke(body);
    case PayloadType::IDi: return parse_id(body, true);
    case PayloadType::IDr: return parse_id(body, false);
    case PayloadType::CERT: return parse_cert(body);
    case PayloadType::CERTREQ: return parse_certreq(body);
    case PayloadType::AUTH: return parse_auth(body);
    case PayloadType::Nonce: return parse_nonce(body);
    case PayloadType::N: return parse_notify(body);
    case PayloadType::D: return parse_delete(body);
    case PayloadType::V: return VendorPayload{to_bytes(body)};
    case PayloadType::TSi:
    case PayloadType::TSr: {
      SP_TRY(model::Selectors selectors, parse_ts(body));
      return Payload(TsPayload{type == PayloadType::TSi, std::move(selectors)});
    }
    case PayloadType::SK: return SkPayload{PayloadType::NONE, body_at};
    case PayloadType::SKF: return parse_skf(body, body_at);
    case PayloadType::CP: return parse_cp(body);
    case PayloadType::EAP: return parse_eap(body);
    case PayloadType::NONE: break;
  }
  return UnknownPayload{static_cast<uint8_t>(type), to_bytes(body)};
}

void write_body(const Payload& payload, Writer& out) { std::visit(Write{out}, payload); }

}  // namespace sallyport::wire::ike2
