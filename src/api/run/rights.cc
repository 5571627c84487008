// See rights.h. capabilities(7): a program that root executes gets what the bounding set has, so that it goes there
// too; the ambient set loses what the permitted and inheritable ones lose.
#include "api/run/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace sallyport::api::run {

std::string give_up_network_rights() {
  constexpr int kGivenUp[] = {CAP_NET_ADMIN, CAP_NET_RAW};
  const auto failed = [] { return std::string("CAP_NET_ADMIN and CAP_NET_RAW stay: ") + std::strerror(errno); };
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &head, sets) != 0) return failed();
  for (const int right : kGivenUp) {
    // Without CAP_SETPCAP a bounding set cannot shrink; without new privileges nothing comes back from it.
    if (::prctl(PR_CAPBSET_READ, right, 0, 0, 0) == 1 && ::prctl(PR_CAPBSET_DROP, right, 0, 0, 0) != 0 &&
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
      return failed();
    const uint32_t others = ~CAP_TO_MASK(right);
    auto& part = sets[CAP_TO_INDEX(right)];
    part.effective &= others;
    part.permitted &= others;
    part.inheritable &= others;
  }
  return ::syscall(SYS_capset, &head, sets) == 0 ? std::string() : failed();
}

}  // namespace sallyport::api::run
