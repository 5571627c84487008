// Messages between our own processes over a SOCK_SEQPACKET pair: one word, octets, and descriptors (SCM_RIGHTS). Large
// bodies travel in a sealed memory file. One thread per end.
#pragma once
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "runtime/passed_descriptors.h"

namespace sallyport::runtime {

constexpr size_t kMaxChannelOctets = 128 * 1024;

struct ChannelMessage {
  uint8_t word = 0;
  Bytes body;
  std::vector<Fd> descriptors;
};

class DescriptorChannel {
 public:
  DescriptorChannel() = default;
  explicit DescriptorChannel(Fd fd) : fd_(std::move(fd)) {}
  // Both ends, close-on-exec. blocking ends wait in send and receive.
  static Result<std::pair<DescriptorChannel, DescriptorChannel>> pair();

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  Fd release() { return std::move(fd_); }
  // limit: the body or the list of descriptors is too long; io: the other end is gone, or (EAGAIN) would block.
  Result<> send(uint8_t word, ByteView body = {}, const std::vector<int>& descriptors = {}, bool wait = true);
  // Nothing: there is none yet (only without wait). not_found: the other end has closed.
  Result<std::optional<ChannelMessage>> receive(bool wait);

 private:
  Fd fd_;
};

Result<Fd> memory_file(ByteView content);  // sealed against change
Result<Bytes> read_memory_file(const Fd& fd);

}  // namespace sallyport::runtime
