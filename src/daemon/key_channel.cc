// See key_channel.h. A leading octet names the kind; numbers are big-endian, lists and octets have their count in
// front.
#include "daemon/key_channel.h"

namespace sallyport::daemon {
namespace {

using namespace model;

constexpr size_t kMostOctets = 128 * 1024;
constexpr uint32_t kMostCertificates = 64;
constexpr uint32_t kMostAddresses = 256;

void put(Writer& out, ByteView octets) {
  out.u32(static_cast<uint32_t>(octets.size()));
  out.bytes(octets);
}
void put(Writer& out, const std::string& text) { put(out, as_bytes(text)); }

Result<ByteView> octets(Reader& in) {
  SP_TRY(const uint32_t size, in.u32());
  if (size > kMostOctets) return fail(Errc::limit);
  return in.view(size);
}
Result<Bytes> bytes(Reader& in) {
  SP_TRY(const ByteView view, octets(in));
  return to_bytes(view);
}
Result<std::string> text(Reader& in) {
  SP_TRY(const ByteView view, octets(in));
  return std::string(as_text(view));
}

enum class Kind : uint8_t { psk_auth = 1, sign, verify_peer, ke_work, resolve, source_for };
enum class Answer : uint8_t { refused = 1, auth_data, verdict, ke_done, addresses };

void write(Writer& out, const PskAuth& work) {
  out.u8(static_cast<uint8_t>(Kind::psk_auth));
  put(out, work.credential);
  out.u16(static_cast<uint16_t>(work.prf));
  put(out, work.octets);
  out.u8(work.claim ? 1 : 0);
  if (!work.claim) return;
  put(out, work.claim->credential);
  put(out, work.claim->octets);
  put(out, work.claim->auth_data);
}
void write(Writer& out, const Sign& work) {
  out.u8(static_cast<uint8_t>(Kind::sign));
  put(out, work.credential);
  out.u8(static_cast<uint8_t>(work.method));
  out.u16(static_cast<uint16_t>(work.hash));
  out.u8(work.pss ? 1 : 0);
  put(out, work.octets);
}
void write(Writer& out, const VerifyPeer& work) {
  out.u8(static_cast<uint8_t>(Kind::verify_peer));
  put(out, work.trust);
  out.u32(static_cast<uint32_t>(work.chain.size()));
  for (const Bytes& certificate : work.chain) put(out, certificate);
  out.u8(static_cast<uint8_t>(work.id.type));
  out.u8(work.id.text_dn ? 1 : 0);
  put(out, work.id.value);
  out.u8(static_cast<uint8_t>(work.method));
  put(out, work.auth_data);
  put(out, work.octets);
}
void write(Writer& out, const KeWork& work) {
  out.u8(static_cast<uint8_t>(Kind::ke_work));
  out.u16(static_cast<uint16_t>(work.group));
  put(out, work.private_key.view());
  put(out, work.peer_public);
}
void write(Writer& out, const Resolve& work) {
  out.u8(static_cast<uint8_t>(Kind::resolve));
  put(out, work.name);
}
void write(Writer& out, const SourceFor& work) {
  out.u8(static_cast<uint8_t>(Kind::source_for));
  put(out, work.remote.bytes());
}

Result<KeyRequest> parse_psk_auth(Reader& in) {
  PskAuth work;
  SP_TRY(work.credential, text(in));
  SP_TRY(const uint16_t prf, in.u16());
  work.prf = static_cast<PrfId>(prf);
  SP_TRY(work.octets, bytes(in));
  SP_TRY(const uint8_t claims, in.u8());
  if (claims > 1) return fail(Errc::bad_value, claims);
  if (claims == 1) {
    PskClaim& claim = work.claim.emplace();
    SP_TRY(claim.credential, text(in));
    SP_TRY(claim.octets, bytes(in));
    SP_TRY(claim.auth_data, bytes(in));
  }
  return KeyRequest(std::move(work));
}
Result<KeyRequest> parse_sign(Reader& in) {
  Sign work;
  SP_TRY(work.credential, text(in));
  SP_TRY(const uint8_t method, in.u8());
  SP_TRY(const uint16_t hash, in.u16());
  SP_TRY(const uint8_t pss, in.u8());
  SP_TRY(work.octets, bytes(in));
  work.method = static_cast<AuthMethod>(method);
  work.hash = static_cast<HashId>(hash);
  work.pss = pss != 0;
  return KeyRequest(std::move(work));
}
Result<KeyRequest> parse_verify_peer(Reader& in) {
  VerifyPeer work;
  SP_TRY(work.trust, text(in));
  SP_TRY(const uint32_t count, in.u32());
  if (count > kMostCertificates) return fail(Errc::too_many, count);
  for (uint32_t i = 0; i < count; ++i) {
    SP_TRY(Bytes certificate, bytes(in));
    work.chain.push_back(std::move(certificate));
  }
  SP_TRY(const uint8_t type, in.u8());
  SP_TRY(const uint8_t text_dn, in.u8());
  work.id.type = static_cast<IdType>(type);
  work.id.text_dn = text_dn != 0;
  SP_TRY(work.id.value, bytes(in));
  SP_TRY(const uint8_t method, in.u8());
  work.method = static_cast<AuthMethod>(method);
  SP_TRY(work.auth_data, bytes(in));
  SP_TRY(work.octets, bytes(in));
  return KeyRequest(std::move(work));
}
Result<KeyRequest> parse_ke_work(Reader& in) {
  KeWork work;
  SP_TRY(const uint16_t group, in.u16());
  work.group = static_cast<GroupId>(group);
  SP_TRY(const ByteView key, octets(in));
  work.private_key = SecretBytes(key);
  SP_TRY(work.peer_public, bytes(in));
  return KeyRequest(std::move(work));
}
Result<KeyRequest> parse_resolve(Reader& in) {
  Resolve work;
  SP_TRY(work.name, text(in));
  return KeyRequest(std::move(work));
}
Result<KeyRequest> parse_source_for(Reader& in) {
  SP_TRY(const ByteView view, octets(in));
  SP_TRY(const IpAddr remote, IpAddr::from_bytes(view));
  return KeyRequest(SourceFor{remote});
}

Result<KeyRequest> parse_work(Reader& in) {
  SP_TRY(const uint8_t kind, in.u8());
  switch (static_cast<Kind>(kind)) {
    case Kind::psk_auth: return parse_psk_auth(in);
    case Kind::sign: return parse_sign(in);
    case Kind::verify_peer: return parse_verify_peer(in);
    case Kind::ke_work: return parse_ke_work(in);
    case Kind::resolve: return parse_resolve(in);
    case Kind::source_for: return parse_source_for(in);
  }
  return fail(Errc::bad_value, kind);
}

void write(Writer& out, const Refused& reply) {
  out.u8(static_cast<uint8_t>(Answer::refused));
  out.u16(static_cast<uint16_t>(reply.code));
  put(out, reply.why);
}
void write(Writer& out, const AuthData& reply) {
  out.u8(static_cast<uint8_t>(Answer::auth_data));
  put(out, reply.data);
}
void write(Writer& out, const Verdict& reply) {
  out.u8(static_cast<uint8_t>(Answer::verdict));
  out.u8(reply.ok ? 1 : 0);
  put(out, reply.why);
  put(out, reply.subject);
}
void write(Writer& out, const KeDone& reply) {
  out.u8(static_cast<uint8_t>(Answer::ke_done));
  put(out, reply.private_key.view());
  put(out, reply.public_value);
  put(out, reply.shared.view());
}
void write(Writer& out, const Addresses& reply) {
  out.u8(static_cast<uint8_t>(Answer::addresses));
  out.u32(static_cast<uint32_t>(reply.addresses.size()));
  for (const IpAddr& address : reply.addresses) put(out, address.bytes());
}

Result<KeyReply> parse_refused(Reader& in) {
  Refused reply{Errc::state, {}};
  SP_TRY(const uint16_t code, in.u16());
  if (describe(static_cast<Errc>(code)) == describe(static_cast<Errc>(UINT16_MAX))) return fail(Errc::bad_value, code);
  reply.code = static_cast<Errc>(code);
  SP_TRY(reply.why, text(in));
  return KeyReply(std::move(reply));
}
Result<KeyReply> parse_verdict(Reader& in) {
  Verdict reply;
  SP_TRY(const uint8_t ok, in.u8());
  reply.ok = ok == 1;
  SP_TRY(reply.why, text(in));
  SP_TRY(reply.subject, text(in));
  return KeyReply(std::move(reply));
}
Result<KeyReply> parse_ke_done(Reader& in) {
  KeDone reply;
  SP_TRY(const ByteView key, octets(in));
  reply.private_key = SecretBytes(key);
  SP_TRY(reply.public_value, bytes(in));
  SP_TRY(const ByteView shared, octets(in));
  reply.shared = SecretBytes(shared);
  return KeyReply(std::move(reply));
}
Result<KeyReply> parse_addresses(Reader& in) {
  Addresses reply;
  SP_TRY(const uint32_t count, in.u32());
  if (count > kMostAddresses) return fail(Errc::too_many, count);
  for (uint32_t i = 0; i < count; ++i) {
    SP_TRY(const ByteView view, octets(in));
    SP_TRY(const IpAddr address, IpAddr::from_bytes(view));
    reply.addresses.push_back(address);
  }
  return KeyReply(std::move(reply));
}

Result<KeyReply> parse_answer(Reader& in) {
  SP_TRY(const uint8_t kind, in.u8());
  switch (static_cast<Answer>(kind)) {
    case Answer::refused: return parse_refused(in);
    case Answer::auth_data: {
      SP_TRY(Bytes data, bytes(in));
      return KeyReply(AuthData{std::move(data)});
    }
    case Answer::verdict: return parse_verdict(in);
    case Answer::ke_done: return parse_ke_done(in);
    case Answer::addresses: return parse_addresses(in);
  }
  return fail(Errc::bad_value, kind);
}

}  // namespace

Bytes write_policy_secret(const std::string& name, ByteView secret) {
  Bytes out;
  // Whole at once: a buffer that grows leaves copies behind.
  out.reserve(name.size() + secret.size() + 8);
  uint8_t size[4];
  store_be32(size, static_cast<uint32_t>(name.size()));
  append(out, ByteView(size));
  append(out, as_bytes(name));
  append(out, secret);
  return out;
}

Result<PolicySecretFrame> parse_policy_secret(ByteView in_bytes) {
  Reader in(in_bytes);
  PolicySecretFrame out;
  SP_TRY(out.name, text(in));
  SP_TRY(const ByteView secret, in.view(in.left()));
  if (secret.empty() || secret.size() > kMostOctets) return fail(Errc::bad_value);
  out.secret = SecretBytes(secret);
  return out;
}

Bytes write_key_request(model::RequestId id, const model::KeyRequest& work) {
  Writer out;
  out.u64(id);
  std::visit([&](const auto& w) { write(out, w); }, work);
  return out.take();
}

Result<KeyRequestFrame> parse_key_request(ByteView view) {
  Reader in(view);
  SP_TRY(const uint64_t id, in.u64());
  SP_TRY(KeyRequest work, parse_work(in));
  SP_CHECK(in.expect_end());
  return KeyRequestFrame{id, std::move(work)};
}

Bytes write_key_reply(model::RequestId id, const model::KeyReply& reply) {
  Writer out;
  out.u64(id);
  std::visit([&](const auto& r) { write(out, r); }, reply);
  return out.take();
}

Result<KeyReplyFrame> parse_key_reply(ByteView view) {
  Reader in(view);
  SP_TRY(const uint64_t id, in.u64());
  SP_TRY(KeyReply reply, parse_answer(in));
  SP_CHECK(in.expect_end());
  return KeyReplyFrame{id, std::move(reply)};
}

}  // namespace sallyport::daemon
