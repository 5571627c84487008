// An owned file descriptor, and what the operating system's refusals are called in a Result. Any thread.
#pragma once
#include <string>
#include <utility>

#include "base/result.h"

namespace sallyport::runtime {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();
  Fd duplicate() const;  // close-on-exec; empty when the table is full

 private:
  int fd_ = -1;
};

// errno as an Error: permission for EPERM and EACCES, not_found for ENOENT and ENODEV, else io; detail is the number.
tl::unexpected<Error> fail_errno();
// "…: Address already in use"; the number's text, or the code's where there is no number.
std::string explain(const std::string& what, const Error& error);

}  // namespace sallyport::runtime
