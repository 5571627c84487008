// What the policy demands of the host.
#include "stack/protection.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::stack;

namespace {

model::Selectors selectors(std::initializer_list<const char*> texts) {
  model::Selectors out;
  for (const char* text : texts) out.push_back(*model::parse_selector(text));
  return out;
}

model::ConnectionPolicy connection(std::initializer_list<const char*> local,
                                   std::initializer_list<const char*> remote) {
  model::ConnectionPolicy out;
  out.name = "west";
  model::ChildPolicy child;
  child.name = "net";
  child.reqid = 7;
  child.local = selectors(local);
  child.remote = selectors(remote);
  out.children.push_back(child);
  return out;
}

std::string inside(std::initializer_list<const char*> local, std::initializer_list<const char*> remote) {
  return model::to_string(inside_ranges(spd_entries({connection(local, remote)}).front()));
}

}  // namespace

TEST_SUITE("stack/protection") {
  TEST_CASE("[RFC4301 5.1] every child is a PROTECT entry, whatever starts it") {
    auto quiet = connection({"10.1.0.0/24"}, {"10.2.0.0/24"});
    quiet.children[0].start = model::ChildPolicy::Start::none;
    const auto entries = spd_entries({quiet});
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].action == model::Action::PROTECT);
    CHECK(entries[0].connection == "west");
    CHECK(entries[0].child == "net");
    CHECK(entries[0].reqid == 7);
    CHECK(entries[0].remote == selectors({"10.2.0.0/24"}));
  }

  TEST_CASE("[RFC7359 4] a tunnel that takes all of one family refuses the other, unless that one is named") {
    const auto refused = [](const model::ConnectionPolicy& c) { return protection_of({c}, true).refused_families; };
    CHECK(refused(connection({"10.9.0.1/32"}, {"0.0.0.0/0"})) == std::vector{Family::v6});
    CHECK(refused(connection({"fd00::1/128"}, {"::/0"})) == std::vector{Family::v4});
    CHECK(refused(connection({"10.9.0.1/32", "fd00::1/128"}, {"0.0.0.0/0", "::/0"})).empty());
    CHECK(refused(connection({"10.9.0.1/32", "fd00::1/128"}, {"0.0.0.0/0", "fd01::/64"})).empty());
    CHECK(refused(connection({"10.9.0.1/32"}, {"10.0.0.0/8"})).empty());
    CHECK(protection_of({connection({"10.9.0.1/32"}, {"0.0.0.0/0"})}, false).refused_families.empty());
  }

  TEST_CASE("only IPv6 hosts of transport mode, which no tunnel carries packets of, send whole packets") {
    auto hosts = connection({"2001:db8::1/128"}, {"2001:db8::2/128[tcp/22]", "192.0.2.2/32"});
    CHECK(protection_of({hosts}, true).whole_packets_from.empty());
    hosts.children[0].mode = model::Mode::transport;
    CHECK(protection_of({hosts}, true).whole_packets_from == selectors({"2001:db8::2/128"}));
    CHECK(protection_of({hosts, connection({"fd01::/64"}, {"2001:db8::/64"})}, true).whole_packets_from.empty());
    CHECK(protection_of({hosts, connection({"fd01::/64"}, {"fd02::/64"})}, true).whole_packets_from.size() == 1);
    hosts.children[0].accept_tunnel = true;
    CHECK(protection_of({hosts}, true).whole_packets_from.empty());
  }

  TEST_CASE("a tunnel of one protocol does not take all of a family") {
    CHECK(protection_of({connection({"10.9.0.1/32"}, {"0.0.0.0/0[tcp]"})}, true).refused_families.empty());
  }

  TEST_CASE("only a local range strictly within the remote one is our own side") {
    CHECK(inside({"10.1.0.0/24"}, {"0.0.0.0/0"}) == model::to_string(selectors({"10.1.0.0/24"})));
    CHECK(inside({"0.0.0.0/0"}, {"0.0.0.0/0"}) == model::to_string(model::Selectors{}));
    CHECK(inside({"10.1.0.0/24"}, {"10.2.0.0/24"}) == model::to_string(model::Selectors{}));
    CHECK(inside({"10.1.0.0/24[tcp]"}, {"0.0.0.0/0"}) == model::to_string(model::Selectors{}));
  }
}
