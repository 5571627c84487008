// Who does the cryptography of the data plane: OpenSSL does every suite, Intel ipsec-mb some of them faster on some
// processors. Which one is measured once at start, suite by suite, and kept in a table that a program can show. Values;
// measure_providers uses the calling thread for some tens of milliseconds.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "model/algorithms.h"

namespace sallyport::crypto {

enum class Provider : uint8_t { openssl, ipsec_mb };
std::string_view to_string(Provider provider);
bool available(Provider provider);  // built in, and this processor has what it needs

// A cipher with its key length and, where it is no AEAD, its integrity algorithm.
struct Suite {
  model::EncrId encr = model::EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  model::IntegId integ = model::IntegId::NONE;
  bool operator==(const Suite&) const = default;
};

class ProviderTable {
 public:
  struct Row {
    Suite suite;
    Provider provider = Provider::openssl;
    uint64_t openssl_ns = 0;  // for one packet of 1400 octets sealed and opened, best of the rounds; 0: set by hand
    uint64_t ipsec_mb_ns = 0;
  };

  // OpenSSL where no row says otherwise. ICVs of another length, implicit IVs and 192 bits of key follow the row of
  // their cipher.
  Provider of(const Suite& suite) const;
  const std::vector<Row>& rows() const { return rows_; }
  void set(const Row& row);  // replaces the row of the same suite

 private:
  std::vector<Row> rows_;
};

// Every suite that more than one provider knows; nothing where there is one provider only.
std::vector<Suite> suites_to_measure();

// nanoseconds: a clock that only grows. The faster provider of each suite, over batches as the data plane hands them.
ProviderTable measure_providers(const std::function<uint64_t()>& nanoseconds, std::span<const Suite> suites);
ProviderTable measure_providers(const std::function<uint64_t()>& nanoseconds);  // suites_to_measure()

}  // namespace sallyport::crypto
