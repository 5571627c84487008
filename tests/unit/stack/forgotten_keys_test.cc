// Keys are forgotten with their SA. RFC 7296 2.12; robustness T2.
#include <doctest/doctest.h>

#include "support/memory_scan.h"
#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

struct Wanted {
  std::string name;
  Masked octets;
};

// What the key logs tell, masked; the logs themselves are gone afterwards.
std::vector<Wanted> take_keys(StackPair& pair) {
  std::vector<Wanted> out;
  const auto take = [&](const char* name, const SecretBytes& key) {
    if (key.size() >= 16) out.push_back({name, Masked(key.view().first(16))});  // wherever its salt is
  };
  for (const ike::KeyLog& log : pair.east.key_logs) {
    if (const auto* ike = std::get_if<ike::KeyLog::Ike>(&log.keys)) {
      take("SK_ei", ike->sk_ei);
      take("SK_er", ike->sk_er);
      take("SK_ai", ike->sk_ai);
      take("SK_ar", ike->sk_ar);
    } else {
      const auto& child = std::get<ike::KeyLog::Child>(log.keys);
      take("Child SA encryption key", child.key);
      take("Child SA integrity key", child.integ_key);
    }
  }
  pair.east.key_logs.clear();
  pair.west.key_logs.clear();
  return out;
}

ike::Config logging() {
  ike::Config config;
  config.key_log = true;
  return config;
}

struct Tunnel : StackPair {
  Tunnel(const char* ike, const char* esp) : StackPair(1, logging()) {
    east.keys.secrets["site-psk"] = west.keys.secrets["site-psk"] = "a long enough secret";
    east.control.handle_command(now, stack::ReloadCommand{0, psk_policy(false, ike, esp)});
    west.control.handle_command(now, stack::ReloadCommand{0, psk_policy(true, ike, esp)});
    east.control.handle_command(now, stack::UpCommand{1, "site", "net"});
    run(seconds(1));
    REQUIRE(east.dataplane.ping(now, 1, *IpAddr::parse("10.2.0.1"), 1, 56));
    run(seconds(1));
    REQUIRE(east.dataplane.poll_pong());
  }
};

}  // namespace

TEST_SUITE("stack/forgotten_keys") {
  TEST_CASE("the search finds what is there, and not what has been wiped") {
    SecretBytes secret(32);
    SeededRng rng(4711);
    rng.fill(secret.writable());
    const Masked wanted(secret.view());
    CHECK(copies_in_memory(wanted) == 1);
    {
      const SecretBytes second = secret.clone();
      const Bytes careless = to_bytes(secret.view());
      CHECK(copies_in_memory(wanted) == 3);
    }
    secret = SecretBytes();
    CHECK(copies_in_memory(wanted) <= 1);  // the careless one, if its memory was not used again
  }

  TEST_CASE("[RFC7296 2.12] T2 the keys of IKE SA and Child SA are nowhere in memory once they are deleted") {
    const std::pair<const char*, const char*> all[] = {
        {"aes256gcm16-prfsha256-x25519", "aes128gcm16"},
        {"aes128-sha256-prfsha256-x25519", "aes128-sha256"},
        {"chacha20poly1305-prfsha256-x25519", "chacha20poly1305"},
    };
    for (const auto& words : all) {
      CAPTURE(words.second);
      Tunnel t(words.first, words.second);
      const std::vector<Wanted> keys = take_keys(t);
      CHECK(keys.size() >= 4);
      size_t held = 0;
      for (const Wanted& key : keys) held += copies_in_memory(key.octets);
      CHECK(held >= 4);
      t.east.control.handle_command(t.now, stack::DownCommand{2, "site", {}});
      t.run(seconds(10));  // what lingers for packets on their way is over too
      REQUIRE(t.east.control.ike_sas().empty());
      REQUIRE(t.west.control.ike_sas().empty());
      overwrite_dead_frames();
      for (const Wanted& key : keys) CHECK_MESSAGE(copies_in_memory(key.octets) == 0, key.name);
    }
  }

  TEST_CASE("[RFC7296 2.12] T2 what a rekey replaces is forgotten, keys of the IKE SA and of the Child SA") {
    Tunnel t("aes256gcm16-prfsha256-x25519", "aes128gcm16-x25519");
    const std::vector<Wanted> old = take_keys(t);
    t.east.control.handle_command(t.now, stack::RekeyCommand{2, "site", "net"});
    t.run(seconds(10));
    t.east.control.handle_command(t.now, stack::RekeyCommand{3, "site", {}});
    t.run(seconds(10));
    REQUIRE(t.east.control.ike_sas().size() == 1);
    const std::vector<Wanted> fresh = take_keys(t);
    CHECK(fresh.size() >= 4);
    for (const Wanted& key : old) CHECK_MESSAGE(copies_in_memory(key.octets) == 0, key.name);
  }
}
