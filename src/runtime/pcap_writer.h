// Capture files of whole IP packets (link type RAW), in the classic pcap format with microseconds. The descriptor comes
// from whoever may open files. One thread.
#pragma once
#include "base/bytes.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

class PcapWriter {
 public:
  // Writes the file header. io when the file does not take it.
  static Result<PcapWriter> create(Fd file, uint32_t snap_octets = 262144);
  // One packet, cut to snap_octets. wall_microseconds: since 1970-01-01 UTC.
  Result<> write(int64_t wall_microseconds, ByteView packet);

 private:
  PcapWriter(Fd file, uint32_t snap_octets) : file_(std::move(file)), snap_octets_(snap_octets) {}
  Fd file_;
  uint32_t snap_octets_;
};

}  // namespace sallyport::runtime
