// The seeds of the targets that drive whole machines: sealed IKE messages, two peers, datagrams; and of identities and
// the channel of the key process. session_seeds FOLDER writes them, session_seeds --check FOLDER compares.
#include "daemon/key_channel.h"
#include "fuzz/seed_files.h"
#include "wire/ike2/message.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;
using fuzz::Seeds;

namespace {

// ---- fuzz_ike2_sealed.cc

constexpr uint8_t kAuth = 0, kCreate = 1, kInformational = 2, kAnswer = 4;
constexpr uint8_t kResponder = 1, kStands = 2, kCertificates = 4;

void add_message(Bytes& out, uint8_t kind, const std::vector<Payload>& payloads) {
  const PayloadChain chain = write_payloads(payloads);
  Writer w(std::move(out));
  w.u8(kind);
  w.u16(static_cast<uint16_t>(chain.bytes.size()));
  w.u8(static_cast<uint8_t>(chain.first));
  w.bytes(chain.bytes);
  out = w.take();
}

Bytes sealed(uint8_t how, uint8_t kind, const std::vector<Payload>& payloads) {
  Bytes out = {how};
  add_message(out, kind, payloads);
  return out;
}

SaPayload esp(const char* words) {
  auto proposal = *model::parse_proposal(model::Protocol::ESP, words);
  proposal.spi = {0xC0, 0, 0, 1};
  return SaPayload{{proposal}};
}

void add_selectors(std::vector<Payload>& out, bool from_east) {
  const auto east = *model::parse_selector("10.1.0.0/16"), west = *model::parse_selector("10.2.0.0/16");
  out.push_back(TsPayload{true, {from_east ? east : west}});
  out.push_back(TsPayload{false, {from_east ? west : east}});
}

std::vector<Payload> auth(bool request, bool certificates) {
  std::vector<Payload> out;
  out.push_back(IdPayload{request, *model::Identity::parse(request ? "east.example" : "west.example")});
  if (certificates) out.push_back(CertPayload{CertEncoding::X509_SIGNATURE, {0x30, 0}});
  if (request) out.push_back(NotifyPayload{0, {}, NotifyType::INITIAL_CONTACT, {}});
  out.push_back(
      AuthPayload{certificates ? model::AuthMethod::DIGITAL_SIGNATURE : model::AuthMethod::SHARED_KEY_MIC, {'a'}});
  out.push_back(esp("aes128gcm16"));
  add_selectors(out, true);
  return out;
}

std::vector<Payload> child(bool from_east, bool rekeys, bool key_exchange) {
  std::vector<Payload> out;
  if (rekeys) out.push_back(NotifyPayload{3, {0xC0, 0, 0, 1}, NotifyType::REKEY_SA, {}});
  out.push_back(esp(key_exchange ? "aes128gcm16-x25519" : "aes128gcm16"));
  out.push_back(NoncePayload{Bytes(32, 7)});
  if (key_exchange) out.push_back(KePayload{31, Bytes(32, 9)});
  add_selectors(out, from_east);
  return out;
}

std::vector<Payload> rekey_ike() {
  auto proposal = *model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-x25519");
  proposal.spi = {1, 2, 3, 4, 5, 6, 7, 8};
  return {SaPayload{{proposal}}, NoncePayload{Bytes(32, 5)}, KePayload{31, Bytes(32, 9)}};
}

void add_sealed(Seeds& out) {
  const std::string at = "ike2_sealed/";
  out[at + "auth_request"] = sealed(kResponder, kAuth, auth(true, false));
  out[at + "auth_request_certificates"] = sealed(kResponder | kCertificates, kAuth, auth(true, true));
  out[at + "auth_answer"] = sealed(0, kAuth | kAnswer, auth(false, false));
  out[at + "auth_answer_certificates"] = sealed(kCertificates, kAuth | kAnswer, auth(false, true));
  out[at + "auth_refused"] = sealed(0, kAuth | kAnswer, {NotifyPayload{0, {}, NotifyType::AUTHENTICATION_FAILED, {}}});
  out[at + "before_auth"] = sealed(kResponder, kInformational, {});
  out[at + "create"] = sealed(kResponder | kStands, kCreate, child(true, false, true));
  out[at + "create_wrong_group"] = sealed(kResponder | kStands, kCreate, child(true, false, false));
  out[at + "rekey_unknown"] = sealed(kStands, kCreate, child(false, true, true));
  out[at + "rekey_ike"] = sealed(kResponder | kStands, kCreate, rekey_ike());
  out[at + "rekey_ike_collides"] = sealed(0x20 | kStands, kCreate, rekey_ike());
  out[at + "rekey_ike_answer"] = sealed(0x20 | kStands, kCreate | kAnswer, rekey_ike());
  out[at + "rekey_child_answer"] = sealed(0x10 | kStands, kCreate | kAnswer, child(true, false, true));
  out[at + "create_answer"] = sealed(0x50 | kResponder | kStands, kCreate | kAnswer, child(false, false, true));
  out[at + "create_refused"] =
      sealed(0x50 | kStands, kCreate | kAnswer, {NotifyPayload{0, {}, NotifyType::INVALID_KE_PAYLOAD, {0, 19}}});
  out[at + "delete_child"] =
      sealed(kStands, kInformational, {DeletePayload{model::Protocol::ESP, {0xC0000001, 0xC0000002}}});
  out[at + "delete_ike"] = sealed(kResponder | kStands, kInformational, {DeletePayload{model::Protocol::IKE, {}}});
  out[at + "delete_answer"] = sealed(0x40 | kStands, kInformational | kAnswer, {});
  out[at + "unknown_payload"] = sealed(kStands, kInformational, {UnknownPayload{200, {1, 2, 3}}});
  Bytes several = sealed(kResponder, kAuth, auth(true, false));
  add_message(several, kCreate, child(true, false, true));
  add_message(several, kInformational, {});
  add_message(several, kCreate, rekey_ike());
  add_message(several, kInformational, {DeletePayload{model::Protocol::IKE, {}}});
  out[at + "session"] = several;
}

// ---- fuzz_two_peers.cc: what (3 bits), which end (1), how (4)

constexpr uint8_t kB = 8;
constexpr uint8_t deliver(uint8_t end) { return end; }
constexpr uint8_t order(uint8_t end, uint8_t command) { return static_cast<uint8_t>(5 | end | command << 4); }

void add_two_peers(Seeds& out) {
  const std::string at = "two_peers/";
  const uint8_t a = deliver(0), b = deliver(kB);
  out[at + "handshake"] = {0, order(0, 0), a, b, a, b};
  out[at + "both_initiate"] = {0, order(0, 0), order(kB, 0), a, b, b, a, a, b, b, a};
  out[at + "two_children"] = {1, order(0, 0), a, b, a, b, a, b, order(kB, 5), b, a};
  out[at + "rekey_child"] = {6, order(0, 1), a, b, a, b};
  out[at + "rekey_ike"] = {6, order(kB, 2), b, a, b, a};
  out[at + "both_rekey_child"] = {6, order(0, 1), order(kB, 1), a, b, a, b, a, b, a, b};
  out[at + "both_rekey_ike"] = {6, order(0, 2), order(kB, 2), a, b, b, a, a, b, b, a};
  out[at + "rekey_and_delete"] = {4, order(0, 1), order(kB, 3), b, a, b, a, a, b};
  out[at + "rekey_ike_and_delete"] = {4, order(0, 2), order(kB, 4), b, a, b, a};
  out[at + "lost_and_again"] = {4, order(0, 1), 2, 0x26, 3, a, b, 3 | kB, b};
  out[at + "damaged"] = {4, order(0, 2), 4, 0x84, a, b, 4 | kB, b};
  out[at + "key_work_waits"] = {2, 7, 7 | kB, order(0, 0), order(0, 7), a, order(kB, 7), b, order(0, 7), a};
  out[at + "time_passes"] = {4, 0xf6, 0xf6, a, b, 0xf6, 0xf6, 0xf6};
  out[at + "answer_overtaken"] = {0, order(0, 0), a, b, a, order(kB, 1), static_cast<uint8_t>(0x10 | 1 | kB), b, a};
}

// ---- fuzz_key_channel.cc

void add_key_channel(Seeds& out) {
  const std::string at = "key_channel/";
  using namespace model;
  const auto ask = [&](const char* name, KeyRequest work) { out[at + name] = daemon::write_key_request(7, work); };
  const auto tell = [&](const char* name, KeyReply reply) { out[at + name] = daemon::write_key_reply(7, reply); };
  ask("ask_psk", PskAuth{"key", PrfId::HMAC_SHA2_256, Bytes(40, 1)});
  ask("ask_psk_claim",
      PskAuth{"key", PrfId::HMAC_SHA2_256, Bytes(40, 1), PskClaim{"peer", Bytes(40, 2), Bytes(32, 3)}});
  ask("ask_sign", Sign{"key", AuthMethod::DIGITAL_SIGNATURE, HashId::SHA2_256, true, Bytes(40, 2)});
  ask("ask_verify", VerifyPeer{"all",
                               {{0x30, 0}, {0x30, 1, 0}},
                               *Identity::parse("CN=gw, O=Example"),
                               AuthMethod::DIGITAL_SIGNATURE,
                               Bytes(8, 3),
                               Bytes(40, 4)});
  ask("ask_ke", KeWork{GroupId::CURVE25519, SecretBytes(Bytes(32, 5)), Bytes(32, 6)});
  ask("ask_resolve", Resolve{"gw.example.org"});
  tell("tell_refused", Refused{Errc::bad_key, "no such key"});
  tell("tell_auth", AuthData{Bytes(32, 7)});
  tell("tell_verdict", Verdict{false, "expired", "CN=gw"});
  tell("tell_ke", KeDone{SecretBytes(Bytes(32, 8)), Bytes(32, 9), SecretBytes(Bytes(32, 10))});
  tell("tell_addresses", Addresses{{*IpAddr::parse("192.0.2.1"), *IpAddr::parse("2001:db8::1")}});
}

// ---- fuzz_identity.cc, fuzz_datagram.cc

void add_identity(Seeds& out) {
  int number = 0;
  for (const char* text : {"192.0.2.1", "2001:db8::1", "gw.example.org", "user@example.org", "keyid:00ff",
                           "CN=gw, O=Example, C=DE", "CN=a\\,b+OU=c", "@#00", "O=\"quoted, name\""}) {
    out["identity/text_" + std::to_string(++number)] = to_bytes(as_bytes(text));
  }
  // An ID_DER_ASN1_DN of CN=gw.
  out["identity/name"] = {9, 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'g', 'w'};
  out["identity/control_octets"] = {2, 'a', 0, '\n', 0x1b, 0xff};
}

void add_datagram(Seeds& out) {
  const std::string at = "datagram/";
  Message init;
  init.header.spi_i = 0x0102030405060708;
  init.header.exchange = ExchangeType::IKE_SA_INIT;
  init.header.initiator_flag = true;
  init.payloads = {SaPayload{{*model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-x25519")}},
                   KePayload{31, Bytes(32, 9)}, NoncePayload{Bytes(32, 3)}};
  const Bytes message = write_message(init);
  const auto with = [](uint8_t first, ByteView rest, bool marker) {
    Bytes seed = {first};
    if (marker) seed.insert(seed.end(), 4, 0);
    append(seed, rest);
    return seed;
  };
  out[at + "init"] = with(0, message, false);
  out[at + "init_with_marker"] = with(1, message, true);
  Bytes other = message;
  other[17] = 0x30;
  out[at + "other_version"] = with(0, other, false);
  out[at + "keepalive"] = {1, 0xFF};
  out[at + "marker_alone"] = {1, 0, 0, 0, 0};
  out[at + "esp"] = with(1, Bytes(60, 0xA5), false);
  out[at + "short_esp"] = {1, 1, 2, 3};
  init.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(28, 6)});
  out[at + "cookie"] = with(0, write_message(init), false);
  init.payloads[1] = KePayload{19, Bytes(64, 8)};
  out[at + "wrong_group"] = with(0, write_message(init), false);
}

}  // namespace

int main(int argc, char** argv) {
  Seeds seeds;
  add_sealed(seeds);
  add_two_peers(seeds);
  add_key_channel(seeds);
  add_identity(seeds);
  add_datagram(seeds);
  return fuzz::seeds_main(argc, argv, seeds);
}
