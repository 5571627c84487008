// See key_log.h. Names as Wireshark 4.0 spells them.
#include "runtime/key_log.h"

#include <fcntl.h>
#include <unistd.h>

namespace sallyport::runtime {
namespace {

using model::EncrId;
using model::IntegId;

std::string hex_number(uint64_t value, size_t octets) {
  Bytes bytes(8);
  store_be64(bytes.data(), value);
  return to_hex(ByteView(bytes).last(octets));
}

// "AES-GCM" and the ICV's octets; nothing for other ciphers.
struct AeadName {
  const char* name;
  int icv;
};
std::optional<AeadName> aead_name(EncrId id) {
  if (id == EncrId::AES_GCM_8) return AeadName{"AES-GCM", 8};
  if (id == EncrId::AES_GCM_12) return AeadName{"AES-GCM", 12};
  if (id == EncrId::AES_GCM_16) return AeadName{"AES-GCM", 16};
  if (id == EncrId::AES_CCM_8) return AeadName{"AES-CCM", 8};
  if (id == EncrId::AES_CCM_12) return AeadName{"AES-CCM", 12};
  if (id == EncrId::AES_CCM_16) return AeadName{"AES-CCM", 16};
  return std::nullopt;
}

std::optional<std::string> ike_cipher(EncrId id, uint16_t key_bits) {
  const std::string bits = std::to_string(key_bits);
  if (const auto aead = aead_name(id)) {
    return std::string(aead->name) + "-" + bits + " with " + std::to_string(aead->icv) + " octet ICV [RFC5282]";
  }
  if (id == EncrId::AES_CBC) return "AES-CBC-" + bits + " [RFC3602]";
  if (id == EncrId::AES_CTR) return "AES-CTR-" + bits + " [RFC5930]";
  if (id == EncrId::DES3) return "3DES [RFC2451]";
  if (id == EncrId::NULL_ENCR) return "NULL [RFC2410]";
  return std::nullopt;
}

std::optional<std::string> ike_integrity(IntegId id) {
  if (id == IntegId::NONE) return "NONE [RFC4306]";
  if (id == IntegId::HMAC_MD5_96) return "HMAC_MD5_96 [RFC2403]";
  if (id == IntegId::HMAC_SHA1_96) return "HMAC_SHA1_96 [RFC2404]";
  if (id == IntegId::HMAC_SHA2_256_128) return "HMAC_SHA2_256_128 [RFC4868]";
  if (id == IntegId::HMAC_SHA2_384_192) return "HMAC_SHA2_384_192 [RFC4868]";
  if (id == IntegId::HMAC_SHA2_512_256) return "HMAC_SHA2_512_256 [RFC4868]";
  return std::nullopt;
}

std::optional<std::string> esp_cipher(EncrId id) {
  const auto aead = aead_name(id);
  if (aead && aead->name[4] == 'G') {
    return "AES-GCM with " + std::to_string(aead->icv) + " octet ICV [RFC4106]";
  }
  if (id == EncrId::AES_CBC) return "AES-CBC [RFC3602]";
  if (id == EncrId::AES_CTR) return "AES-CTR [RFC3686]";
  if (id == EncrId::DES3) return "TripleDES-CBC [RFC2451]";
  if (id == EncrId::NULL_ENCR) return "NULL";
  // Not names Wireshark 4.0 knows: for readers that open such SAs by other means.
  if (aead) return "AES-CCM with " + std::to_string(aead->icv) + " octet ICV [RFC4309]";
  if (id == EncrId::CHACHA20_POLY1305) return "ChaCha20-Poly1305 [RFC7634]";
  return std::nullopt;
}

std::optional<std::string> esp_integrity(IntegId id) {
  if (id == IntegId::NONE) return "NULL";
  if (id == IntegId::HMAC_MD5_96) return "HMAC-MD5-96 [RFC2403]";
  if (id == IntegId::HMAC_SHA1_96) return "HMAC-SHA-1-96 [RFC2404]";
  if (id == IntegId::HMAC_SHA2_256_128) return "HMAC-SHA-256-128 [RFC4868]";
  if (id == IntegId::HMAC_SHA2_384_192) return "HMAC-SHA-384-192 [RFC4868]";
  if (id == IntegId::HMAC_SHA2_512_256) return "HMAC-SHA-512-256 [RFC4868]";
  if (id == IntegId::AES_XCBC_96 || id == IntegId::AES_CMAC_96) return "ANY 96 bit authentication [no checking]";
  return std::nullopt;
}

// AH's keys have no table in Wireshark, which reads AH without them; all algorithms by name here.
std::optional<std::string> ah_integrity(IntegId id) {
  if (id == IntegId::AES_XCBC_96) return "AES-XCBC-96 [RFC3566]";
  if (id == IntegId::AES_CMAC_96) return "AES-CMAC-96 [RFC4494]";
  if (id == IntegId::AES_128_GMAC || id == IntegId::AES_192_GMAC || id == IntegId::AES_256_GMAC) {
    return "AES-GMAC [RFC4543]";
  }
  return esp_integrity(id);
}

bool write_line(const Fd& fd, std::string line) {
  line += '\n';
  const bool ok = ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  wipe({reinterpret_cast<uint8_t*>(line.data()), line.size()});
  return ok;
}

}  // namespace

std::optional<std::string> ike_key_line(const ike::KeyLog::Ike& keys) {
  const auto cipher = ike_cipher(keys.encr, keys.key_bits);
  const auto integrity = ike_integrity(keys.integ);
  if (!cipher || !integrity) return std::nullopt;
  std::string line = hex_number(keys.spi_i, 8) + "," + hex_number(keys.spi_r, 8);
  for (const SecretBytes* key : {&keys.sk_ei, &keys.sk_er}) line += "," + to_hex(key->view());
  line += ",\"" + *cipher + "\"";
  for (const SecretBytes* key : {&keys.sk_ai, &keys.sk_ar}) line += "," + to_hex(key->view());
  return line + ",\"" + *integrity + "\"";
}

std::optional<std::string> esp_key_line(const ike::KeyLog::Child& keys) {
  const bool ah = keys.protocol == model::Protocol::AH;
  const auto cipher = ah ? std::optional<std::string>("AH") : esp_cipher(keys.encr);
  const auto integrity = ah ? ah_integrity(keys.integ) : esp_integrity(keys.integ);
  if (!cipher || !integrity) return std::nullopt;
  const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
  // Any addresses: behind a NAT a capture shows others than ours, and the SPI names the SA well enough.
  return quoted(keys.source.is_v4() ? "IPv4" : "IPv6") + "," + quoted("*") + "," + quoted("*") + "," +
         quoted("0x" + hex_number(keys.spi, 4)) + "," + quoted(*cipher) + "," + quoted("0x" + to_hex(keys.key.view())) +
         "," + quoted(*integrity) + "," + quoted("0x" + to_hex(keys.integ_key.view()));
}

Result<KeyLogFiles> open_key_log(const std::string& folder) {
  const auto open_one = [&](const char* name) {
    return Fd(::open((folder + "/" + name).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  };
  KeyLogFiles files;
  files.ike = open_one("ikev2_decryption_table");
  if (!files.ike) return fail_errno();
  files.esp = open_one("esp_sa");
  if (!files.esp) return fail_errno();
  files.esp_other = open_one("esp_sa.other");
  if (!files.esp_other) return fail_errno();
  return files;
}

bool KeyLogWriter::write(const ike::KeyLog& keys) {
  if (const auto* ike = std::get_if<ike::KeyLog::Ike>(&keys.keys)) {
    const auto line = ike_key_line(*ike);
    return line && write_line(files_.ike, *line);
  }
  const auto& child = std::get<ike::KeyLog::Child>(keys.keys);
  const auto line = esp_key_line(child);
  // A table with a cipher it does not know is refused by Wireshark as a whole.
  const auto aead = aead_name(child.encr);
  const bool foreign = child.protocol == model::Protocol::AH || child.encr == EncrId::CHACHA20_POLY1305 ||
                       (aead && aead->name[4] == 'C');
  return line && write_line(foreign ? files_.esp_other : files_.esp, *line);
}

}  // namespace sallyport::runtime
