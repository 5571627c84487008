// Puts the table of dosp_rules.h into the kernel by running nft(8), and reads it. As NftGuard's, the table stays when
// we end in any way but remove(). The privileged process only; one thread; each call waits for nft.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/dosp_rules.h"

namespace sallyport::runtime {

class NftDosp {
 public:
  // Makes the table say these settings in one transaction, or takes it away where none is operational. One that says
  // them already, of an earlier life too, stays with its state entries; another's counts go on. Nothing, or one
  // sentence that says what is missing.
  std::optional<std::string> apply(std::vector<stack::DospSetting> settings);
  bool present() const;  // a table, ours or an earlier life's
  bool in_force() const { return in_force_; }
  std::optional<policy::DospReport> report() const;  // nothing: there is no table, or nft does not say
  void remove();                                     // no error when there is none

 private:
  bool in_force_ = false;
};

}  // namespace sallyport::runtime
