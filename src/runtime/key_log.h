// Session keys in the formats of Wireshark's own tables (ikev2_decryption_table, esp_sa), for whoever asks for them in
// the configuration: never otherwise. Lines are appended to files whose descriptors the privileged process opened
// with mode 0600. One thread.
#pragma once
#include <optional>
#include <string>

#include "ike/keying_module.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

// One line, without its newline. Nothing: the tables have no name for the algorithm. ChaCha20-Poly1305 has no name
// in Wireshark 4.0's esp_sa: its line is for esp_sa.other, under its RFC's name. So is AH's, with "AH" as cipher.
std::optional<std::string> ike_key_line(const ike::KeyLog::Ike& keys);
std::optional<std::string> esp_key_line(const ike::KeyLog::Child& keys);

struct KeyLogFiles {
  Fd ike;        // ikev2_decryption_table
  Fd esp;        // esp_sa
  Fd esp_other;  // esp_sa.other: the same columns, for AH and ciphers Wireshark would refuse the whole table for
};
// Opens (creates, appends to) the files in an existing folder.
Result<KeyLogFiles> open_key_log(const std::string& folder);

class KeyLogWriter {
 public:
  explicit KeyLogWriter(KeyLogFiles files) : files_(std::move(files)) {}
  // False: the tables have no name for the algorithm, or the file could not be written; nothing was added.
  bool write(const ike::KeyLog& keys);

 private:
  KeyLogFiles files_;
};

}  // namespace sallyport::runtime
