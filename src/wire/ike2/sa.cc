// Security Association payload. RFC 7296 3.3.
//
//   proposal:  0 last (0) or more (2)   1 zero   2..3 length   4 number   5 protocol   6 SPI octets   7 transforms
//              8.. SPI, then transforms
//   transform: 0 last (0) or more (3)   1 zero   2..3 length   4 type   5 zero   6..7 id   8.. attributes
//   attribute: TV: 0x8000|type, value of two octets; TLV: type, length, value. Only Key Length (14, TV) exists.
#include "wire/ike2/payloads.h"

namespace sallyport::wire::ike2 {

namespace {

constexpr size_t kMaxProposals = 32;  // P4
constexpr size_t kMaxTransforms = 64;
constexpr uint8_t kMoreProposals = 2;
constexpr uint8_t kMoreTransforms = 3;
constexpr uint16_t kKeyLengthAttribute = 14;
constexpr uint16_t kTv = 0x8000;

// RFC 7296 3.3.6: an attribute we do not know spoils its transform, not the message.
Result<> parse_attributes(Reader& in, model::Transform& out) {
  while (!in.empty()) {
    SP_TRY(const uint16_t type, in.u16());
    SP_TRY(const uint16_t value, in.u16());
    if ((type & kTv) == 0) {
      SP_CHECK(in.skip(value));
      out.unusable = true;
    } else if (type == (kTv | kKeyLengthAttribute) && out.key_bits == 0 && value != 0) {
      out.key_bits = value;
    } else {
      out.unusable = true;
    }
  }
  return {};
}

Result<model::Transform> parse_transform(Reader& in, bool last, bool& known_type) {
  SP_TRY(const uint8_t more, in.u8());
  if (more != (last ? 0 : kMoreTransforms)) return fail(Errc::bad_value, more);
  SP_CHECK(in.skip(1));
  SP_TRY(const uint16_t length, in.u16());
  if (length < 8) return fail(Errc::bad_length, length);
  SP_TRY(const ByteView body, in.view(length - 4u));
  Reader fields(body);
  SP_TRY(const uint8_t type, fields.u8());
  SP_CHECK(fields.skip(1));
  model::Transform out;
  SP_TRY(out.id, fields.u16());
  out.type = static_cast<model::TransformType>(type);
  known_type = type >= 1 && type <= 5;
  SP_CHECK(parse_attributes(fields, out));
  return out;
}

// RFC 7296 3.3.1: eight octets for IKE, none in the initial exchange; four for AH and ESP. Another length, like another
// protocol, leaves nothing to agree on.
bool spi_fits(model::Protocol protocol, size_t octets) {
  switch (protocol) {
    case model::Protocol::IKE: return octets == 0 || octets == 8;
    case model::Protocol::AH:
    case model::Protocol::ESP: return octets == 4;
  }
  return false;
}

Result<model::Proposal> parse_proposal(Reader& in, bool& last) {
  SP_TRY(const uint8_t more, in.u8());
  if (more != 0 && more != kMoreProposals) return fail(Errc::bad_value, more);
  last = more == 0;
  SP_CHECK(in.skip(1));
  SP_TRY(const uint16_t length, in.u16());
  if (length < 8) return fail(Errc::bad_length, length);
  SP_TRY(const ByteView body, in.view(length - 4u));
  Reader fields(body);
  model::Proposal out;
  SP_TRY(out.number, fields.u8());
  SP_TRY(const uint8_t protocol, fields.u8());
  SP_TRY(const uint8_t spi_octets, fields.u8());
  SP_TRY(const uint8_t transforms, fields.u8());
  out.protocol = static_cast<model::Protocol>(protocol);
  SP_TRY(const ByteView spi, fields.view(spi_octets));
  out.spi = to_bytes(spi);
  if (transforms > kMaxTransforms) return fail(Errc::too_many, transforms);
  for (size_t i = 0; i < transforms; ++i) {
    bool known_type = true;
    SP_TRY(model::Transform transform, parse_transform(fields, i + 1 == transforms, known_type));
    // RFC 7296 3.3.6: a transform type we do not know spoils the whole proposal.
    out.unusable = out.unusable || !known_type;
    out.transforms.push_back(transform);
  }
  SP_CHECK(fields.expect_end());
  out.unusable = out.unusable || !spi_fits(out.protocol, spi_octets);
  return out;
}

void write_transform(const model::Transform& transform, bool last, Writer& out) {
  out.u8(last ? 0 : kMoreTransforms);
  out.u8(0);
  out.u16(transform.key_bits != 0 ? 12 : 8);
  out.u8(static_cast<uint8_t>(transform.type));
  out.u8(0);
  out.u16(transform.id);
  if (transform.key_bits == 0) return;
  out.u16(kTv | kKeyLengthAttribute);
  out.u16(transform.key_bits);
}

}  // namespace

Result<SaPayload> parse_sa(ByteView body) {
  Reader in(body);
  SaPayload out;
  bool last = false;
  while (!last) {
    if (out.proposals.size() == kMaxProposals) return fail(Errc::too_many, kMaxProposals);
    SP_TRY(model::Proposal proposal, parse_proposal(in, last));
    out.proposals.push_back(std::move(proposal));
  }
  SP_CHECK(in.expect_end());
  return out;
}

void write_sa(const SaPayload& sa, Writer& out) {
  for (size_t i = 0; i < sa.proposals.size(); ++i) {
    const model::Proposal& proposal = sa.proposals[i];
    const size_t start = out.size();
    out.u8(i + 1 == sa.proposals.size() ? 0 : kMoreProposals);
    out.u8(0);
    out.u16(0);
    out.u8(proposal.number);
    out.u8(static_cast<uint8_t>(proposal.protocol));
    out.u8(static_cast<uint8_t>(proposal.spi.size()));
    out.u8(static_cast<uint8_t>(proposal.transforms.size()));
    out.bytes(proposal.spi);
    for (size_t t = 0; t < proposal.transforms.size(); ++t)
      write_transform(proposal.transforms[t], t + 1 == proposal.transforms.size(), out);
    out.patch_u16(start + 2, static_cast<uint16_t>(out.size() - start));
  }
}

}  // namespace sallyport::wire::ike2
