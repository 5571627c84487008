// Descriptors on their way to another process: what lies where, and what does not fit together. And the question for a
// source address.
#include "runtime/descriptors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/descriptor_channel.h"
#include "runtime/source_lookup.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {
Fd file() { return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }
Descriptors some() {
  Descriptors out;
  out.udp.push_back({file(), Family::v4, false, 500});
  out.udp.push_back({file(), Family::v6, true, 4500});
  out.esp_v4 = file();
  out.tun = file();
  out.tun_name = "sallyport0";
  out.tun_index = 17;
  out.control = file();
  out.route_lookup = file();
  return out;
}
std::vector<Fd> files(size_t count) {
  std::vector<Fd> out;
  for (size_t i = 0; i < count; ++i) out.push_back(file());
  return out;
}
}  // namespace

TEST_SUITE("runtime/descriptors") {
  TEST_CASE("described, passed and assembled they are what they were") {
    const Descriptors sent = some();
    REQUIRE(sent.numbers().size() == 6);
    auto got = Descriptors::assemble(sent.describe(), files(6));
    REQUIRE(got);
    REQUIRE(got->udp.size() == 2);
    CHECK(got->udp[1].family == Family::v6);
    CHECK(got->udp[1].natt);
    CHECK(got->udp[1].port == 4500);
    CHECK(got->esp_v4);
    CHECK_FALSE(got->esp_v6);
    CHECK(got->tun_name == "sallyport0");
    CHECK(got->tun_index == 17);
    CHECK(got->control);
    CHECK(got->route_lookup);
    CHECK_FALSE(got->log_file);
  }

  TEST_CASE("all of them pass in one message") {
    Descriptors most = some();
    most.udp.push_back({file(), Family::v4, true, 4500});
    most.udp.push_back({file(), Family::v6, false, 500});
    for (Fd* fd : {&most.esp_v6, &most.ah_v4, &most.ah_v6, &most.whole_v4, &most.whole_v6, &most.icmp_v4, &most.icmp_v6,
                   &most.log_file, &most.key_log_ike, &most.key_log_esp, &most.key_log_esp_other})
      *fd = file();
    CHECK(most.numbers().size() <= kMaxPassedDescriptors);
  }

  TEST_CASE("too few, too many and a cut description are refused") {
    const Descriptors sent = some();
    const Bytes description = sent.describe();
    CHECK(Descriptors::assemble(description, files(5)).error().code == Errc::truncated);
    CHECK(Descriptors::assemble(description, files(7)).error().code == Errc::trailing_bytes);
    // Cut anywhere before the name of the device, which is the rest and may be empty.
    for (size_t n = 0; n + sent.tun_name.size() < description.size(); ++n)
      CHECK_FALSE(Descriptors::assemble(ByteView(description).first(n), files(6)));
  }

  TEST_CASE("a duplicate has descriptors of its own") {
    const Descriptors first = some();
    const Descriptors second = first.duplicate();
    CHECK(second.numbers().size() == first.numbers().size());
    for (const int number : second.numbers()) {
      CHECK(::fcntl(number, F_GETFD) == FD_CLOEXEC);
      for (const int other : first.numbers()) CHECK(number != other);
    }
    CHECK(second.tun_index == 17);
  }
}

TEST_SUITE("runtime/source_lookup") {
  TEST_CASE("the way to the loopback interface begins there") {
    auto lookup = open_source_lookup();
    REQUIRE(lookup);
    for (int i = 0; i < 3; ++i) {
      const auto source = source_for(*lookup, *IpAddr::parse("127.0.0.1"));
      REQUIRE(source);
      CHECK(*source == *IpAddr::parse("127.0.0.1"));
    }
  }

  TEST_CASE("the link of the loopback interface takes large packets") {
    auto lookup = open_source_lookup();
    REQUIRE(lookup);
    const auto mtu = link_mtu_for(*lookup, *IpAddr::parse("127.0.0.1"));
    REQUIRE(mtu);
    CHECK(*mtu >= 16384);
    CHECK_FALSE(link_mtu_for(Fd(), *IpAddr::parse("127.0.0.1")));
  }

  TEST_CASE("without a socket, or with one that is no netlink socket, there is no answer") {
    CHECK(source_for(Fd(), *IpAddr::parse("127.0.0.1")).error().code == Errc::not_found);
    CHECK_FALSE(source_for(file(), *IpAddr::parse("127.0.0.1")));
  }
}
