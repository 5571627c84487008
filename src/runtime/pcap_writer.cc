// See pcap_writer.h.
#include "runtime/pcap_writer.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

namespace sallyport::runtime {
namespace {

constexpr uint32_t kMagic = 0xa1b2c3d4;  // in our own byte order: readers turn it round
constexpr uint32_t kLinkTypeRaw = 101;

struct FileHeader {
  uint32_t magic;
  uint16_t major, minor;
  int32_t zone;
  uint32_t accuracy, snap, link_type;
};
struct PacketHeader {
  uint32_t seconds, microseconds, captured, length;
};

}  // namespace

Result<PcapWriter> PcapWriter::create(Fd file, uint32_t snap_octets) {
  const FileHeader header{kMagic, 2, 4, 0, 0, snap_octets, kLinkTypeRaw};
  if (::write(file.get(), &header, sizeof header) != static_cast<ssize_t>(sizeof header)) return fail_errno();
  return PcapWriter(std::move(file), snap_octets);
}

Result<> PcapWriter::write(int64_t wall_microseconds, ByteView packet) {
  const auto captured = std::min(packet.size(), static_cast<size_t>(snap_octets_));
  PacketHeader header{static_cast<uint32_t>(wall_microseconds / 1000000),
                      static_cast<uint32_t>(wall_microseconds % 1000000), static_cast<uint32_t>(captured),
                      static_cast<uint32_t>(packet.size())};
  const iovec pieces[2] = {{&header, sizeof header}, {const_cast<uint8_t*>(packet.data()), captured}};
  if (::writev(file_.get(), pieces, 2) != static_cast<ssize_t>(sizeof header + captured)) return fail_errno();
  return {};
}

}  // namespace sallyport::runtime
