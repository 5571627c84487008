// Runs nft(8): by absolute path, without a shell, with an empty environment. The privileged process only; each call
// waits for nft.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace sallyport::runtime {

struct NftRun {
  int status = -1;   // as waitpid says it
  std::string said;  // standard output and error, no more than was asked for
  bool good() const;
};

// Errc::not_found: there is no such program.
Result<NftRun> run_nft(const std::vector<std::string>& words, const std::string& input, size_t most_octets = 65536);
// Of a run that is not good: one sentence without a full stop.
std::string explain_refusal(const Result<NftRun>& ran);

}  // namespace sallyport::runtime
