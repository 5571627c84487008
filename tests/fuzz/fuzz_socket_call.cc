// Calls about sockets as any program on the host may send them, the daemon's answers as the library reads them, and the
// file that the privileged process has a peer's account open: what decodes encodes and decodes again alike, names of
// peers become identities, and callers are judged by rules that the octets make.

// Links: runtime
#include <cstdlib>

#include "policy/socket_call.h"
#include "runtime/peer_file.h"
#include "stack/socket_callers.h"
#include "stack/socket_filters.h"

using namespace sallyport;
namespace call = sallyport::policy::call;
namespace socket_call = sallyport::policy::socket_call;

namespace {

template <class T>
std::optional<T> agree(ByteView octets) {
  auto first = call::read<T>(octets);
  if (!first) return std::nullopt;
  const Bytes written = call::write(*first);
  const auto second = call::read<T>(written);
  if (!second || call::write(*second) != written) std::abort();
  return std::move(*first);
}

void file_of(const runtime::PeerFile& file) {
  const auto again = runtime::PeerFile::parse(file.write());
  if (file.account.size() <= 0xffff && (!again || !(*again == file))) std::abort();
  (void)file.is_allowed();
  (void)file.writes();
}

// The same words as pattern and as text: a pattern always fits itself where nothing in it is a star.
void judge(const std::string& words) {
  config::SocketCallerRule rule;
  rule.name = "rule";
  rule.allow = true;
  rule.cgroups = {words};
  rule.executables = {words};
  stack::SocketCaller caller;
  caller.cgroup = caller.executable = words;
  const bool allowed = stack::judge_caller({rule}, caller).allowed;
  if (words.find('*') == std::string::npos && !words.empty() && words.front() == '/' && !allowed) std::abort();
  (void)caller.to_string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView octets(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      if (const auto request = agree<socket_call::Request>(octets)) {
        (void)stack::identities_of_name(request->name);
        file_of({request->name, request->file.path, request->file.flags, request->file.mode});
      }
      break;
    case 1: (void)agree<socket_call::Answer>(octets); break;
    case 2:
      if (const auto file = runtime::PeerFile::parse(octets)) file_of(*file);
      break;
    case 3: judge(std::string(as_text(octets))); break;
  }
  return 0;
}
