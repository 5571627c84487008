// Reading certificates and names.
#include "crypto/certificate.h"

#include <openssl/pem.h>

#include <ctime>

#include "base/ip_addr.h"
#include "crypto/decoded_certificate.h"
#include "crypto/hash.h"
#include "crypto/key_type.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using model::Identity;
using model::IdType;

std::string text_of(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  // In the order of the encoding, as encode_dn reads it; RFC 4514 escapes.
  constexpr unsigned long kShape = (ASN1_STRFLGS_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) |
                                   XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS;
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, kShape) < 0) return {};
  char* start = nullptr;
  const long n = BIO_get_mem_data(bio.get(), &start);
  std::string out;
  for (const char c : std::string_view(start, static_cast<size_t>(n))) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return out;
}

Bytes der_of(const X509_NAME* name) {
  unsigned char* der = nullptr;
  const int n = i2d_X509_NAME(name, &der);
  const OctetsPtr owned(der);
  return n > 0 ? Bytes(der, der + n) : Bytes();
}

WallTime wall(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return {};
  return {timegm(&tm)};
}

std::vector<Identity> alternative_names(X509* certificate) {
  std::vector<Identity> out;
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const auto octets = [](const ASN1_STRING* s) {
      const uint8_t* data = ASN1_STRING_get0_data(s);
      return Bytes(data, data + ASN1_STRING_length(s));
    };
    if (name->type == GEN_DNS) out.push_back({IdType::ID_FQDN, octets(name->d.dNSName)});
    if (name->type == GEN_EMAIL) out.push_back({IdType::ID_RFC822_ADDR, octets(name->d.rfc822Name)});
    if (name->type == GEN_DIRNAME) out.push_back({IdType::ID_DER_ASN1_DN, der_of(name->d.directoryName)});
    if (name->type == GEN_IPADD) {
      Bytes address = octets(name->d.iPAddress);
      if (address.size() == 4)
        out.push_back({IdType::ID_IPV4_ADDR, std::move(address)});
      else if (address.size() == 16)
        out.push_back({IdType::ID_IPV6_ADDR, std::move(address)});
    }
  }
  return out;
}

X509NamePtr decode_name(ByteView der) {
  const uint8_t* p = der.data();
  X509NamePtr out(d2i_X509_NAME(nullptr, &p, static_cast<long>(der.size())));
  return p == der.data() + der.size() ? std::move(out) : nullptr;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 4514 3: attribute '=' value, pairs joined by '+' in one RDN and RDNs by ','.
class DnReader {
 public:
  explicit DnReader(std::string_view text) : text_(text) {}

  bool empty() const { return at_ == text_.size(); }

  // Up to '=', which is consumed.
  Result<std::string> attribute() {
    const size_t equals = text_.find('=', at_);
    if (equals == std::string_view::npos) return fail(Errc::bad_value, position());
    std::string_view name = text_.substr(at_, equals - at_);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (name.empty() || name.find_first_of(",+\\\"") != std::string_view::npos)
      return fail(Errc::bad_value, position());
    at_ = equals + 1;
    return std::string(name);
  }

  // Up to ',' or '+' or the end, which stays. Spaces around count only where they are escaped.
  Result<std::string> value() {
    while (!empty() && text_[at_] == ' ') ++at_;
    if (!empty() && text_[at_] == '#') return fail(Errc::bad_value, position());  // RFC 4514 2.4: BER in hexadecimal
    std::string out;
    size_t keep = 0;
    for (; !empty() && text_[at_] != ',' && text_[at_] != '+'; ++at_) {
      if (std::string_view("\";<>").find(text_[at_]) != std::string_view::npos || text_[at_] == '\0')
        return fail(Errc::bad_value, position());
      if (text_[at_] != '\\') {
        out.push_back(text_[at_]);
        if (text_[at_] != ' ') keep = out.size();
        continue;
      }
      SP_TRY(const char c, escaped());
      out.push_back(c);
      keep = out.size();
    }
    out.resize(keep);
    if (out.empty()) return fail(Errc::bad_value, position());
    return out;
  }

  // What joins to the next pair; 0 at the end.
  char joint() { return empty() ? '\0' : text_[at_++]; }
  uint32_t position() const { return static_cast<uint32_t>(at_); }

 private:
  // RFC 4514 2.4: the character itself, or its octet in two hexadecimal digits. The last one read stays.
  Result<char> escaped() {
    if (at_ + 1 >= text_.size()) return fail(Errc::bad_value, position());
    const char c = text_[++at_];
    if (std::string_view("\\\"+,;<>= #").find(c) != std::string_view::npos) return c;
    const int high = hex_digit(c), low = at_ + 1 < text_.size() ? hex_digit(text_[at_ + 1]) : -1;
    if (high < 0 || low < 0 || high + low == 0) return fail(Errc::bad_value, position());
    ++at_;
    return static_cast<char>(high * 16 + low);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<CertificateView> read_certificate(ByteView der) {
  const X509Ptr certificate = decoded_certificate(der);
  if (!certificate) return fail(Errc::bad_certificate);
  CertificateView out;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  out.subject = text_of(subject);
  out.subject_der = der_of(subject);
  out.issuer_der = der_of(X509_get_issuer_name(certificate.get()));
  out.alternative_names = alternative_names(certificate.get());
  out.key_type = key_type_of(X509_get0_pubkey(certificate.get()));
  out.not_before = wall(X509_get0_notBefore(certificate.get()));
  out.not_after = wall(X509_get0_notAfter(certificate.get()));
  out.authority = X509_check_ca(certificate.get()) == 1;
  unsigned char* spki = nullptr;
  const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  const OctetsPtr owned(spki);
  if (n > 0) out.public_key_sha1 = sha1(ByteView(spki, static_cast<size_t>(n)));
  return out;
}

Result<std::vector<Bytes>> certificates_from_pem(ByteView pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Bytes> out;
  while (true) {
    const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    unsigned char* der = nullptr;
    const int n = i2d_X509(certificate.get(), &der);
    const OctetsPtr owned(der);
    if (n <= 0) return fail(Errc::bad_certificate);
    out.emplace_back(der, der + n);
  }
  if (out.empty()) return fail(Errc::bad_certificate);
  return out;
}

Result<Bytes> encode_dn(std::string_view text) {
  const X509NamePtr name(X509_NAME_new());
  if (!name) return fail(Errc::bad_value);
  DnReader in(text);
  char joint = ',';
  while (joint != '\0') {
    SP_TRY(const std::string attribute, in.attribute());
    SP_TRY(const std::string value, in.value());
    const int set = joint == '+' ? -1 : 0;  // -1: into the RDN before
    if (X509_NAME_add_entry_by_txt(name.get(), attribute.c_str(), MBSTRING_UTF8,
                                   reinterpret_cast<const uint8_t*>(value.data()), static_cast<int>(value.size()), -1,
                                   set) != 1)
      return fail(Errc::bad_value, in.position());
    joint = in.joint();
  }
  Bytes out = der_of(name.get());
  if (out.size() <= 2) return fail(Errc::bad_value);
  return out;
}

bool identity_matches(ByteView certificate_der, const Identity& id) {
  const X509Ptr certificate = decoded_certificate(certificate_der);
  if (!certificate) return false;
  for (const Identity& name : alternative_names(certificate.get())) {
    if (id.type != IdType::ID_DER_ASN1_DN && model::same_identity(name, id)) return true;
  }
  if (id.type != IdType::ID_DER_ASN1_DN) return false;
  Bytes der = id.value;
  if (id.text_dn) {
    auto encoded = encode_dn(as_text(id.value));
    if (!encoded) return false;
    der = std::move(*encoded);
  }
  return same_dn(der, der_of(X509_get_subject_name(certificate.get())));
}

// X509_NAME_cmp compares the canonical form.
bool same_dn(ByteView a, ByteView b) {
  const X509NamePtr x = decode_name(a), y = decode_name(b);
  return x && y && X509_NAME_cmp(x.get(), y.get()) == 0;
}

std::string dn_text(ByteView der) {
  const X509NamePtr name = decode_name(der);
  return name ? text_of(name.get()) : std::string();
}

std::string shown(const Identity& id) {
  std::string text = id.type == IdType::ID_DER_ASN1_DN && !id.text_dn ? dn_text(id.value) : std::string();
  return text.empty() ? id.to_string() : text;
}

}  // namespace sallyport::crypto
