// See descriptor_channel.h.
#include "runtime/descriptor_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::runtime {
Result<std::pair<DescriptorChannel, DescriptorChannel>> DescriptorChannel::pair() {
  int both[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) != 0) return fail_errno();
  Fd one(both[0]);
  Fd other(both[1]);
  const int room = static_cast<int>(kMaxChannelOctets * 4);
  for (const int fd : both) {
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
      (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
  }
  return std::pair(DescriptorChannel(std::move(one)), DescriptorChannel(std::move(other)));
}

Result<> DescriptorChannel::send(uint8_t word, ByteView body, const std::vector<int>& descriptors, bool wait) {
  if (body.size() > kMaxChannelOctets || descriptors.size() > kMaxPassedDescriptors) return fail(Errc::limit);
  iovec pieces[2] = {{&word, 1}, {const_cast<uint8_t*>(body.data()), body.size()}};
  msghdr header{};
  header.msg_iov = pieces;
  header.msg_iovlen = 2;
  DescriptorRoom room;
  pass_descriptors(header, room, descriptors);
  for (;;) {
    if (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) >= 0) return {};
    if (errno != EINTR) return fail_errno();
  }
}

Result<std::optional<ChannelMessage>> DescriptorChannel::receive(bool wait) {
  ChannelMessage out;
  // On the stack and left as it is: a fresh block of this size would be mapped, cleared and unmapped for each message.
  uint8_t room_for_body[kMaxChannelOctets];
  iovec pieces[2] = {{&out.word, 1}, {room_for_body, sizeof room_for_body}};
  msghdr header{};
  header.msg_iov = pieces;
  header.msg_iovlen = 2;
  DescriptorRoom room;
  expect_descriptors(header, room);
  ssize_t n;
  do {
    n = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    // ECONNRESET: the other end closed with something of ours unread. It is told once, before what it had sent.
  } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<ChannelMessage>();
  if (n < 0) return fail_errno();
  if (n == 0) return fail(Errc::not_found);
  out.descriptors = take_descriptors(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail(Errc::limit);
  out.body.assign(room_for_body, room_for_body + n - 1);
  return std::optional<ChannelMessage>(std::move(out));
}

Result<Fd> memory_file(ByteView content) {
  Fd fd(::memfd_create("sallyport", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno();
  for (size_t at = 0; at < content.size();) {
    const ssize_t n = ::write(fd.get(), content.data() + at, content.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno();
    at += static_cast<size_t>(n);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return fail_errno();
  return fd;
}

Result<Bytes> read_memory_file(const Fd& fd) {
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return fail_errno();
  constexpr off_t kMost = 64 * 1024 * 1024;
  if (facts.st_size > kMost) return fail(Errc::limit);
  Bytes out(static_cast<size_t>(facts.st_size));
  for (size_t at = 0; at < out.size();) {
    const ssize_t n = ::pread(fd.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno();
    if (n == 0) return fail(Errc::truncated);
    at += static_cast<size_t>(n);
  }
  return out;
}

}  // namespace sallyport::runtime
