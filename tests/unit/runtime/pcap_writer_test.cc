// The capture file format, octet by octet.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "runtime/pcap_writer.h"

using namespace sallyport;
using namespace sallyport::runtime;

TEST_SUITE("runtime/pcap_writer") {
  TEST_CASE("a packet is written after the file header and cut to the snap length") {
    Fd file(::memfd_create("pcap", MFD_CLOEXEC));
    const Fd mine = file.duplicate();
    auto writer = PcapWriter::create(std::move(file), 4);
    REQUIRE(writer);
    REQUIRE(writer->write(3000001, Bytes{0x45, 1, 2, 3, 4, 5}));
    uint8_t content[64];
    REQUIRE(::pread(mine.get(), content, sizeof content, 0) == 24 + 16 + 4);
    uint32_t word[4];
    std::memcpy(word, content, 4);
    CHECK(word[0] == 0xa1b2c3d4);
    std::memcpy(word, content + 20, 4);
    CHECK(word[0] == 101);
    std::memcpy(word, content + 24, 16);
    CHECK(word[0] == 3);
    CHECK(word[1] == 1);
    CHECK(word[2] == 4);
    CHECK(word[3] == 6);
    CHECK(content[40] == 0x45);
  }
}
