// Tells when links and addresses of the host have changed, so that routes the kernel took away with them come back.
// rtnetlink multicast; the privileged process only; one thread.
#pragma once
#include "runtime/fd.h"

namespace sallyport::runtime {

class LinkWatch {
 public:
  static Result<LinkWatch> open();
  int fd() const { return fd_.get(); }  // readable: call drain
  bool drain();                         // true: something has changed since the last call

 private:
  explicit LinkWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace sallyport::runtime
