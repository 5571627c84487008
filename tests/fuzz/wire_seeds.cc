// The seeds of the wire fuzz targets: wire_seeds FOLDER writes them, wire_seeds --check FOLDER compares.
#include "fuzz/seed_files.h"
#include "wire/ike2/message.h"
#include "wire/ip/build.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;
using fuzz::Seeds;

namespace {

IkeHeader header(ExchangeType exchange, bool response, uint32_t id) {
  IkeHeader out;
  out.spi_i = 0x0102030405060708;
  out.spi_r = exchange == ExchangeType::IKE_SA_INIT && !response ? 0 : 0x1112131415161718;
  out.exchange = exchange;
  out.initiator_flag = !response;
  out.response_flag = response;
  out.message_id = id;
  return out;
}

model::Proposals ike_proposals() {
  auto first = *model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-x25519-ecp256");
  auto second = *model::parse_proposal(model::Protocol::IKE, "aes128-sha256-prfsha256-modp2048");
  second.number = 2;
  return {first, second};
}

SaPayload child_proposals() {
  auto esp = *model::parse_proposal(model::Protocol::ESP, "aes128gcm16-esn-noesn");
  esp.spi = {0xC0, 0, 0, 1};
  return SaPayload{{esp}};
}

Bytes init(bool response) {
  auto proposals = ike_proposals();
  if (response) proposals.resize(1);
  return write_message({header(ExchangeType::IKE_SA_INIT, response, 0),
                        {SaPayload{proposals}, KePayload{31, Bytes(32, 9)}, NoncePayload{Bytes(32, 3)},
                         NotifyPayload{0, {}, NotifyType::NAT_DETECTION_SOURCE_IP, Bytes(20, 1)},
                         NotifyPayload{0, {}, NotifyType::NAT_DETECTION_DESTINATION_IP, Bytes(20, 2)},
                         NotifyPayload{0, {}, NotifyType::SIGNATURE_HASH_ALGORITHMS, {0, 2, 0, 3, 0, 5}},
                         VendorPayload{to_bytes(as_bytes("sallyport"))}}});
}

std::vector<Payload> auth() {
  return {IdPayload{true, *model::Identity::parse("east.example")},
          CertPayload{CertEncoding::X509_SIGNATURE, {0x30, 0x03, 0x02, 0x01, 0x05}},
          CertreqPayload{CertEncoding::X509_SIGNATURE, Bytes(40, 4)},
          IdPayload{false, *model::Identity::parse("192.0.2.1")},
          AuthPayload{model::AuthMethod::DIGITAL_SIGNATURE, Bytes(24, 5)},
          CpPayload{1, {{1, {}}, {8, Bytes(17, 1)}}},
          child_proposals(),
          TsPayload{true, {*model::parse_selector("10.1.0.0/16[tcp/443]"), *model::parse_selector("2001:db8::/32")}},
          TsPayload{false, {*model::parse_selector("10.2.0.0/16")}}};
}

std::vector<Payload> rekey() {
  return {NotifyPayload{3, {1, 2, 3, 4}, NotifyType::REKEY_SA, {}},
          child_proposals(),
          NoncePayload{Bytes(16, 7)},
          KePayload{19, Bytes(64, 8)},
          TsPayload{true, {*model::parse_selector("10.1.0.0/16")}},
          TsPayload{false, {*model::parse_selector("10.2.0.0/16")}}};
}

// As it lies inside SK: the type of the first payload, then the chain.
Bytes inner(const std::vector<Payload>& payloads) {
  const PayloadChain chain = write_payloads(payloads);
  Bytes out = {static_cast<uint8_t>(chain.first)};
  append(out, chain.bytes);
  return out;
}

// A sealed payload whose cipher text is only octets.
Bytes sealed(uint8_t type, uint8_t first, const Bytes& body) {
  Writer chain;
  chain.u8(first);
  chain.u8(0);
  chain.u16(static_cast<uint16_t>(4 + body.size()));
  chain.bytes(body);
  IkeHeader h = header(ExchangeType::IKE_AUTH, false, 1);
  h.next = static_cast<PayloadType>(type);
  h.length = static_cast<uint32_t>(wire::ike::kHeaderOctets + chain.size());
  Writer out;
  wire::ike::write_header(h, out);
  out.bytes(chain.view());
  return out.take();
}

void add_ike(Seeds& out) {
  const std::string at = "ike2_message/";
  out[at + "init_request"] = init(false);
  out[at + "init_response"] = init(true);
  out[at + "init_cookie"] = write_message(
      {header(ExchangeType::IKE_SA_INIT, true, 0), {NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(28, 6)}}});
  out[at + "auth_clear"] = write_message({header(ExchangeType::IKE_AUTH, false, 1), auth()});
  out[at + "auth_inner"] = inner(auth());
  out[at + "rekey_inner"] = inner(rekey());
  out[at + "delete_inner"] =
      inner({DeletePayload{model::Protocol::ESP, {0x01020304, 0x05060708}}, DeletePayload{model::Protocol::IKE, {}}});
  out[at + "eap_inner"] = inner({EapPayload{{1, 7, 0, 5, 1}}, UnknownPayload{200, {1, 2, 3}}});
  out[at + "sk"] = sealed(46, 35, Bytes(40, 0xA5));
  out[at + "skf"] = sealed(53, 35, {0, 1, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  for (const char* name : {"init_request", "sk"}) out[std::string("ike_header/") + name] = out[at + name];
  Bytes other_version = out[at + "sk"];
  other_version[17] = 0x3F;
  out["ike_header/other_version"] = other_version;
}

void add_ip(Seeds& out) {
  const std::string at = "ip_packet/";
  const IpAddr a4 = *IpAddr::parse("10.0.0.1"), b4 = *IpAddr::parse("10.0.0.2");
  const IpAddr a6 = *IpAddr::parse("2001:db8::1"), b6 = *IpAddr::parse("2001:db8::2");
  const Bytes data = {1, 2, 3, 4, 5};
  out[at + "echo_v4"] = wire::ip::icmp_echo_packet(a4, b4, {false, 7, 9, data});
  out[at + "echo_reply_v6"] = wire::ip::icmp_echo_packet(a6, b6, {true, 7, 9, data});
  Bytes error_v4 = {3, 3, 0, 0, 0, 0, 0, 0}, error_v6 = {1, 4, 0, 0, 0, 0, 0, 0};
  append(error_v4, wire::ip::udp_packet({b4, 1701}, {a4, 1701}, data));
  append(error_v6, wire::ip::tcp_reset_packet({b6, 80}, {a6, 4242}, 1));
  out[at + "error_v4"] = wire::ip::ip_packet(a4, b4, 1, error_v4);
  out[at + "error_v6"] = wire::ip::ip_packet(a6, b6, 58, error_v6);
  out[at + "udp_v4"] = wire::ip::udp_packet({a4, 53}, {b4, 4242}, data);
  out[at + "udp_v6"] = wire::ip::udp_packet({a6, 53}, {b6, 4242}, data);
  Bytes extended = {60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0,  0, 0, 44, 0, 0, 0,
                    0,  0, 0, 0, 6, 0, 0, 1, 0,  0, 0, 9, 0, 80, 1, 0, 0,  0, 0, 0};
  out[at + "extensions_v6"] = wire::ip::ip_packet(a6, b6, 0, extended);
  Bytes fragment = wire::ip::ip_packet(a4, b4, 6, data);
  fragment[6] = 0x20;
  fragment[7] = 0x02;
  out[at + "fragment_v4"] = fragment;
  out[at + "marker"] = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  out[at + "keepalive"] = {0xFF};
}

}  // namespace

int main(int argc, char** argv) {
  Seeds seeds;
  add_ike(seeds);
  add_ip(seeds);
  return fuzz::seeds_main(argc, argv, seeds);
}
