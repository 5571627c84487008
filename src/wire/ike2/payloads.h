// Every payload of RFC 7296 3.3 to 3.16 and RFC 7383 2.5 as a value. Numbers stay raw where a peer may send one we do
// not know. Values; any thread.
#pragma once
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "model/identity.h"
#include "model/proposal.h"
#include "model/selector.h"
#include "wire/ike/ike_header.h"

namespace sallyport::wire::ike2 {

using ike::PayloadType;

enum class NotifyType : uint16_t {
#define SP_NOTIFY(name, number, reference) name = number,
#include "proto/ikev2.def"
};
std::string_view to_string(NotifyType type);
inline bool is_error(NotifyType type) { return static_cast<uint16_t>(type) < 16384; }  // RFC 7296 3.10.1

enum class CertEncoding : uint8_t {
#define SP_CERT_ENCODING(name, number, reference) name = number,
#include "proto/ikev2.def"
};

struct SaPayload {
  model::Proposals proposals;
  bool operator==(const SaPayload&) const = default;
};
struct KePayload {
  uint16_t group = 0;
  Bytes value;
  bool operator==(const KePayload&) const = default;
};
struct IdPayload {
  bool initiator = false;  // IDi, else IDr
  model::Identity id;
  bool operator==(const IdPayload&) const = default;
};
struct CertPayload {
  CertEncoding encoding = CertEncoding::X509_SIGNATURE;
  Bytes content;
  bool operator==(const CertPayload&) const = default;
};
struct CertreqPayload {
  CertEncoding encoding = CertEncoding::X509_SIGNATURE;
  Bytes authorities;  // SHA-1 hashes of 20 octets, one after the other
  bool operator==(const CertreqPayload&) const = default;
};
struct AuthPayload {
  model::AuthMethod method = model::AuthMethod::SHARED_KEY_MIC;
  Bytes content;
  bool operator==(const AuthPayload&) const = default;
};
struct NoncePayload {
  Bytes value;  // 16 to 256 octets
  bool operator==(const NoncePayload&) const = default;
};
struct NotifyPayload {
  uint8_t protocol = 0;  // 0, or model::Protocol of the SPI
  Bytes spi;
  NotifyType type = NotifyType::INVALID_SYNTAX;
  Bytes content;
  bool operator==(const NotifyPayload&) const = default;
};
struct DeletePayload {
  model::Protocol protocol = model::Protocol::IKE;
  std::vector<model::Spi> spis;  // empty for the IKE SA
  bool operator==(const DeletePayload&) const = default;
};
struct VendorPayload {
  Bytes content;
  bool operator==(const VendorPayload&) const = default;
};
struct TsPayload {
  bool initiator = false;  // TSi, else TSr
  model::Selectors selectors;
  bool operator==(const TsPayload&) const = default;
};
// Still sealed: where the payload lies in the datagram it came in. Always the last one of a message.
struct SkPayload {
  PayloadType first_inner = PayloadType::NONE;
  size_t body_at = 0;  // offset of the IV; the body goes to the end of the datagram
  bool operator==(const SkPayload&) const = default;
};
struct SkfPayload {
  PayloadType first_inner = PayloadType::NONE;  // NONE in all but the first fragment
  size_t body_at = 0;
  uint16_t number = 0;  // 1..total
  uint16_t total = 0;
  bool operator==(const SkfPayload&) const = default;
};
// Configuration payload, RFC 7296 3.15: kind 1 REQUEST, 2 REPLY, 3 SET, 4 ACK.
struct CpPayload {
  struct Attribute {
    uint16_t type = 0;
    Bytes value;
    bool operator==(const Attribute&) const = default;
  };
  uint8_t kind = 1;
  std::vector<Attribute> attributes;
  bool operator==(const CpPayload&) const = default;
};
struct EapPayload {
  Bytes message;  // whole EAP message, its length field checked
  bool operator==(const EapPayload&) const = default;
};
// Not known and not critical: skipped by every reader, kept so that a message can be written again.
struct UnknownPayload {
  uint8_t type = 0;
  Bytes content;
  bool operator==(const UnknownPayload&) const = default;
};

using Payload =
    std::variant<SaPayload, KePayload, IdPayload, CertPayload, CertreqPayload, AuthPayload, NoncePayload, NotifyPayload,
                 DeletePayload, VendorPayload, TsPayload, SkPayload, SkfPayload, CpPayload, EapPayload, UnknownPayload>;

PayloadType type_of(const Payload& payload);

// The body of one payload, without the generic header. unsupported: SK and SKF have no body of their own to write.
Result<Payload> parse_body(PayloadType type, ByteView body, size_t body_at);
void write_body(const Payload& payload, Writer& out);

// In sa.cc and ts.cc, the two with structure inside.
Result<SaPayload> parse_sa(ByteView body);
void write_sa(const SaPayload& sa, Writer& out);
Result<model::Selectors> parse_ts(ByteView body);
void write_ts(const model::Selectors& selectors, Writer& out);

}  // namespace sallyport::wire::ike2
