// What one child says: mode, protocol, selectors, shape, nesting.
#include <doctest/doctest.h>

#include "config/load.h"
#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

const std::string kPath = "/etc/sallyport/sallyport.toml";
const std::string kNets = "local = \"10.1.0.0/24\"\nremote = \"10.2.0.0/24\"\n";
const std::string kHead =
    "[connection.west]\n"
    "local = { address = \"192.0.2.1\", id = \"e\" }\n"
    "remote = { address = \"192.0.2.2\", id = \"w\" }\n"
    "auth = { method = \"psk\", secret = \"s.psk\" }\n"
    "[connection.west.child.n]\n";

Loaded load_child(const std::string& text, const std::string& head = kHead) {
  MapFiles files;
  files.files[kPath] = head + text;
  return load(files, kPath);
}

model::ChildPolicy child(const std::string& text) {
  const Loaded loaded = load_child(text);
  for (const auto& error : loaded.errors) MESSAGE(to_string(error));
  REQUIRE(loaded.ok());
  return loaded.settings.connections[0].children[0];
}

// The only error, without file and line.
std::string complaint(const std::string& text, const std::string& head = kHead) {
  const Loaded loaded = load_child(text, head);
  CHECK(loaded.errors.size() == 1);
  return loaded.errors.empty() ? "" : loaded.errors[0].key + ": " + loaded.errors[0].sentence;
}

}  // namespace

TEST_SUITE("config/read_child") {
  TEST_CASE("tunnel mode with ESP is what nobody has to write") {
    const auto c = child(kNets);
    CHECK(c.mode == model::Mode::tunnel);
    CHECK(c.protocol == model::Protocol::ESP);
    CHECK(c.shape == model::PacketShape{});
    CHECK(c.accept_tfc);
    CHECK_FALSE(c.accept_tunnel);
    CHECK_FALSE(c.non_first_fragments);
    CHECK(c.resources == 0);
    CHECK(c.outer_reqid == 0);
  }

  TEST_CASE("transport mode takes the connection's addresses where it names none") {
    const auto c = child("mode = \"transport\"\n");
    CHECK(c.mode == model::Mode::transport);
    CHECK(model::to_string(c.local) == "192.0.2.1/32");
    CHECK(model::to_string(c.remote) == "192.0.2.2/32");
    const auto ports = child("mode = \"transport\"\nlocal = \"[tcp]\"\nremote = [\"[tcp/443]\", \"[tcp/80]\"]\n");
    CHECK(model::to_string(ports.local) == "192.0.2.1/32[tcp]");
    CHECK(model::to_string(ports.remote) == "192.0.2.2/32[tcp/443] 192.0.2.2/32[tcp/80]");
    CHECK(child("mode = \"transport\"\naccept_tunnel = true\n").accept_tunnel);
  }

  TEST_CASE("transport mode without addresses to take is refused") {
    const std::string open =
        "[connection.west]\nlocal = { address = \"192.0.2.1\", id = \"e\" }\nremote = { address = \"any\", id = \"w\" "
        "}\n"
        "auth = { method = \"psk\", secret = \"s.psk\" }\n[connection.west.child.n]\n";
    CHECK(complaint("mode = \"transport\"\n", open) ==
          "connection.west.child.n.remote: the connection leaves the address open: write which addresses are meant.");
    const std::string named =
        "[connection.west]\nlocal = { address = \"192.0.2.1\", id = \"e\" }\n"
        "remote = { address = \"west.example\", id = \"w\" }\n"
        "auth = { method = \"psk\", secret = \"s.psk\" }\n[connection.west.child.n]\n";
    CHECK(complaint("mode = \"transport\"\n", named).find("is a name") != std::string::npos);
    CHECK(complaint("local = \"10.1.0.0/24\"\n") == "connection.west.child.n: lacks \"remote\": which addresses?");
    CHECK(complaint("mode = \"transport\"\nlocal = \"[tpc/4]\"\n").find("no protocol and port") != std::string::npos);
  }

  TEST_CASE("a mode that does not exist names the nearest") {
    CHECK(complaint(kNets + "mode = \"transprot\"\n") ==
          "connection.west.child.n.mode: \"transprot\" is not known here; did you mean \"transport\"?");
    CHECK(complaint(kNets + "accept_tunnel = true\n").find("only with mode") != std::string::npos);
    CHECK(complaint(kNets + "acept_tunnel = true\n").find("did you mean \"accept_tunnel\"?") != std::string::npos);
  }

  TEST_CASE("AH is written instead of ESP, not beside it") {
    const auto c = child(kNets + "ah = \"sha256-esn-noesn\"\n");
    CHECK(c.protocol == model::Protocol::AH);
    REQUIRE(c.proposals.size() == 1);
    CHECK(c.proposals[0].protocol == model::Protocol::AH);
    CHECK(complaint(kNets + "ah = \"sha256\"\nesp = \"aes128gcm16\"\n").find("a child is one SA") != std::string::npos);
    std::string encap = kHead;
    encap.insert(encap.find("[connection.west.child"), "force_encap = true\n");
    CHECK(complaint(kNets + "ah = \"sha256\"\n", encap).find("does not travel in UDP") != std::string::npos);
  }

  TEST_CASE("[RFC4303 2.2.1] extended sequence numbers are a word of the proposal") {
    const auto both = child(kNets + "esp = \"aes128gcm16-esn-noesn\"\n").proposals[0];
    const auto peer = model::parse_proposal(model::Protocol::ESP, "aes128gcm16-noesn-esn").value();
    CHECK(model::chosen_child(model::select_proposal({both}, {peer})->chosen)->esn);
    const auto without = child(kNets + "esp = \"aes128gcm16-noesn\"\n").proposals[0];
    CHECK_FALSE(model::chosen_child(model::select_proposal({without}, {peer})->chosen)->esn);
  }

  TEST_CASE("the outer header, fragments and padding have their options") {
    const auto c = child(kNets +
                         "header = { ecn = false, dscp = 46, df = \"clear\" }\n"
                         "fragments = { cut = \"after\", reassemble = true, non_first = true }\n"
                         "tfc = { pad = 1200, dummies = \"500ms\", accept = false }\n"
                         "resources = 4\nreplay_window = 4096\n");
    CHECK_FALSE(c.shape.ecn);
    CHECK(c.shape.dscp == 46);
    CHECK(c.shape.df == model::PacketShape::Df::clear);
    CHECK(c.shape.fragment == model::PacketShape::Fragment::after);
    CHECK(c.shape.reassemble);
    CHECK(c.non_first_fragments);
    CHECK(c.shape.tfc_octets == 1200);
    CHECK(c.shape.dummy_interval == Duration(milliseconds(500)));
    CHECK_FALSE(c.accept_tfc);
    CHECK(c.resources == 4);
    CHECK(c.replay_window == 4096);
    CHECK(child(kNets + "tfc = { pad = \"path\" }\n").shape.tfc_octets == model::PacketShape::kTfcToPath);
    CHECK_FALSE(child(kNets + "header = { dscp = \"copy\" }\n").shape.dscp.has_value());
  }

  TEST_CASE("options that can mean nothing are refused with their key") {
    CHECK(complaint(kNets + "header = { dscp = 64 }\n").starts_with("connection.west.child.n.header.dscp: must be"));
    CHECK(complaint(kNets + "header = { df = \"cler\" }\n").find("did you mean \"clear\"?") != std::string::npos);
    CHECK(complaint(kNets + "tfc = { pad = 10 }\n").starts_with("connection.west.child.n.tfc.pad: must be"));
    CHECK(complaint(kNets + "ah = \"sha256\"\ntfc = { accept = true }\n").find("AH hides nothing") !=
          std::string::npos);
    CHECK(complaint("mode = \"transport\"\ntfc = { pad = 1200 }\n").find("inner IP header") != std::string::npos);
    CHECK(complaint("mode = \"transport\"\nheader = { ecn = true }\n").find("there is none") != std::string::npos);
    CHECK(complaint(kNets + "fragments = { non_frist = true }\n").find("did you mean \"non_first\"?") !=
          std::string::npos);
    CHECK(complaint(kNets + "resources = 65\n").find("between 0 and 64") != std::string::npos);
    CHECK(complaint(kNets + "replay_window = 100\n").find("power of two") != std::string::npos);
  }

  TEST_CASE("a child lies inside another one of its connection") {
    const Loaded loaded = load_child(
        "mode = \"transport\"\ninside = \"a\"\n[connection.west.child.a]\nmode = \"transport\"\nah = \"sha256\"\n");
    REQUIRE(loaded.ok());
    const auto& children = loaded.settings.connections[0].children;
    REQUIRE(children.size() == 2);
    const size_t inner = children[0].name == "n" ? 0 : 1;
    CHECK(children[inner].outer_reqid == children[1 - inner].reqid);
    CHECK(children[1 - inner].outer_reqid == 0);
    CHECK(complaint(kNets + "inside = \"m\"\n") ==
          "connection.west.child.n.inside: no child is called \"m\"; known are n.");
    CHECK(complaint(kNets + "inside = \"n\"\n").find("leads back") != std::string::npos);
    CHECK(complaint("mode = \"transport\"\ninside = \"a\"\n[connection.west.child.a]\nmode = \"transport\"\nah "
                    "= \"sha256\"\n",
                    "[daemon]\nworkers = 2\n" + kHead) == "connection.west.child.n.inside: needs daemon.workers = 1.");
  }
}
