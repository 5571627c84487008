// Two drivers on the loopback interface, each with its internal device: the whole job of the worker without rights.
#include "runtime/driver.h"

#include <doctest/doctest.h>

#include "runtime/status_report.h"
#include "tests/unit/runtime/driver_node.h"

using namespace sallyport;
using namespace sallyport::runtime;
using Kind = stack::Notice::Kind;

TEST_SUITE("runtime/driver") {
  TEST_CASE("a tunnel comes up over real sockets, carries echoes and goes down at both ends") {
    DriverPair pair;
    REQUIRE(pair.up());
    CHECK(pair.east->noticed(Kind::ike_up));
    CHECK(pair.until([&] { return pair.west->noticed(Kind::child_up); }));
    for (uint16_t sequence = 1; sequence <= 3; ++sequence) {
      REQUIRE(pair.east->driver.ping(9, *IpAddr::parse("10.2.0.1"), sequence, 100 * sequence));
      REQUIRE(pair.until([&] { return pair.east->pongs.size() == sequence; }));
      CHECK(pair.east->pongs.back().sequence == sequence);
      CHECK(pair.east->pongs.back().octets == 100u * sequence);
    }
    CHECK(pair.east->driver.counters().datagrams_out >= 5);
    CHECK(pair.east->driver.counters().datagrams_in >= 5);
    CHECK(pair.east->driver.counters().send_refused == 0);
    pair.east->driver.command(stack::DownCommand{2, "site", "", {}});
    CHECK(pair.until([&] { return pair.west->noticed(Kind::ike_down) && pair.east->noticed(Kind::ike_down); }));
    CHECK(pair.east->driver.control().ike_sas().empty());
  }

  TEST_CASE("ESP that strays to the socket of IKE finds its shard, and its answer leaves") {
    NodeFacts west{"west", "10.2.0.1", "east", "10.1.0.1", "a secret", "", true};
    west.one_socket_for_all = true;
    DriverPair pair({"east", "10.1.0.1", "west", "10.2.0.1", "a secret", "force_encap = true", true}, west);
    REQUIRE(pair.up());
    CHECK(pair.until([&] { return pair.west->noticed(Kind::child_up); }));
    for (uint16_t sequence = 1; sequence <= 3; ++sequence) {
      REQUIRE(pair.east->driver.ping(9, *IpAddr::parse("10.2.0.1"), sequence, 400));
      REQUIRE(pair.until([&] { return pair.east->pongs.size() == sequence; }));
    }
    CHECK(pair.west->driver.counters().not_for_us == 0);
    CHECK(pair.west->driver.packets().sas.size() == 1);
  }

  TEST_CASE("the moves of the IKE SA are traced: row, from, to, in the notices and the debug log") {
    DriverPair pair;
    REQUIRE(pair.up());
    std::string moves;
    bool rows = false;
    for (const auto& notice : pair.east->notices) {
      if (notice.kind != Kind::ike_state) continue;
      CHECK(notice.ike_id != 0);
      moves.append(notice.from).append(">").append(notice.to).append(" ");
      rows = rows || !notice.row.empty();
    }
    CHECK(moves.find("STARTING>INIT_SENT ") != std::string::npos);
    CHECK(moves.find("INIT_SENT>INIT_DONE ") != std::string::npos);
    CHECK(moves.find("AUTH_SENT>ESTABLISHED ") != std::string::npos);
    CHECK(rows);
    bool logged = false;
    for (const auto& line : pair.east->log.past()) {
      logged =
          logged || (line.level == LogLevel::debug && line.text.find("INIT_SENT -> INIT_DONE") != std::string::npos);
    }
    CHECK(logged);
  }

  TEST_CASE("[RFC7296 2.23] without a local address the system's own source is hashed, and no NAT is seen") {
    DriverPair pair({"east", "10.1.0.1", "west", "10.2.0.1", "a secret", "", false},
                    {"west", "10.2.0.1", "east", "10.1.0.1", "a secret", "", true});
    pair.east->driver.command(stack::UpCommand{1, "site", ""});
    REQUIRE(pair.until([&] { return pair.east->noticed(Kind::ike_up); }));
    const auto sas = pair.east->driver.control().ike_sas();
    REQUIRE(sas.size() == 1);
    CHECK(sas[0].local.addr == *IpAddr::parse("127.0.0.1"));
    CHECK_FALSE(sas[0].nat_local);
    CHECK_FALSE(sas[0].nat_remote);
  }

  TEST_CASE("a wrong secret fails on both sides with a sentence, and the next command may try again") {
    DriverPair pair({"east", "10.1.0.1", "west", "10.2.0.1", "one secret", "force_encap = true", true},
                    {"west", "10.2.0.1", "east", "10.1.0.1", "another secret", "", true});
    CHECK_FALSE(pair.up());
    REQUIRE(pair.east->results.size() == 1);
    CHECK(pair.east->results[0].error == Errc::authentication_failed);
    CHECK_FALSE(pair.east->results[0].sentence.empty());
    const auto connections = pair.east->driver.control().connections();
    REQUIRE(connections.size() == 1);
    CHECK(connections[0].last_failure.code == Errc::authentication_failed);
    pair.east->driver.command(stack::UpCommand{2, "site", ""});
    CHECK(pair.until([&] { return pair.east->results.size() == 2; }));
  }

  TEST_CASE("a key process that never answers holds up its handshake and nothing else") {
    DriverPair pair;
    pair.east->keys.silent = true;
    pair.east->driver.command(stack::UpCommand{1, "site", ""});
    CHECK(pair.until([&] {
      const auto sas = pair.east->driver.control().ike_sas();
      return sas.size() == 1 && sas[0].state == "INIT_DONE";
    }));
    // The time of an up is over: what is waited for is told.
    const ctl::Done done = make_not_up(pair.east->driver, milliseconds(2500), "site", "");
    CHECK(done.code == ctl::ResultCode::timeout);
    CHECK(done.sentence.find("\"site\" is not up after 2.5 s; no answer from 127.0.0.1:") == 0);
    CHECK(done.sentence.find("INIT_DONE") != std::string::npos);
    pair.east->driver.command(stack::DownCommand{2, "site", "", {}});
    CHECK(pair.until([&] { return pair.east->driver.control().ike_sas().empty(); }));
  }

  TEST_CASE("what is neither IKE nor ESP is counted and harms nothing") {
    DriverPair pair;
    auto stranger = open_udp_socket({*IpAddr::parse("127.0.0.1"), 0}, {});
    REQUIRE(stranger);
    const IpEndpoint natt{*IpAddr::parse("127.0.0.1"), pair.east->settings.daemon.natt_port};
    const IpEndpoint ike{*IpAddr::parse("127.0.0.1"), pair.east->settings.daemon.ike_port};
    const Bytes one{0x00}, keepalive{0xff}, short_esp{1, 2, 3, 4, 5}, rubbish(300, 0x5a);
    const std::vector<OutgoingDatagram> out = {{{IpAddr::any(Family::v4), 0}, natt, 0, one},
                                               {{IpAddr::any(Family::v4), 0}, natt, 0, keepalive},
                                               {{IpAddr::any(Family::v4), 0}, natt, 0, short_esp},
                                               {{IpAddr::any(Family::v4), 0}, natt, 0, rubbish},
                                               {{IpAddr::any(Family::v4), 0}, ike, 0, rubbish}};
    CHECK(send_batch(stranger->get(), out) == out.size());
    CHECK(pair.until([&] { return pair.east->driver.counters().datagrams_in == out.size(); }));
    CHECK(pair.east->driver.counters().datagrams_out <= 1);  // S9: at most one answer to what is nobody's
    CHECK(pair.up());
  }

  TEST_CASE("a reload leaves alone what did not change and takes up what did") {
    DriverPair pair;
    REQUIRE(pair.up());
    auto& east = *pair.east;
    const auto spi = east.driver.control().ike_sas().at(0).spi_i;
    east.driver.reload(east.settings, DriverNode::policy(east.settings), 5);
    REQUIRE(east.results.size() == 2);
    CHECK(east.results[1].token == 5);
    CHECK_FALSE(east.results[1].error);
    CHECK(east.driver.control().ike_sas().at(0).spi_i == spi);
    std::string changed = east.text;
    changed.replace(changed.find("10.2.0.1/32"), 11, "10.3.0.1/32");
    const auto settings = DriverNode::load(changed);
    east.driver.reload(settings, DriverNode::policy(settings), 6);
    CHECK(pair.until([&] { return east.noticed(Kind::ike_down); }));
    CHECK(east.driver.settings().daemon.ike_port == east.settings.daemon.ike_port);
  }

  TEST_CASE("[T19] status and explain tell what the machines hold") {
    DriverPair pair;
    REQUIRE(pair.up());
    const ReportFacts facts{"1.2.3", "/etc/x.toml", 42, monotonic_now() - seconds(5), false, "a library"};
    const auto status = make_status(monotonic_now(), pair.east->driver, facts, "");
    CHECK(status.daemon.version == "1.2.3");
    CHECK(status.daemon.uptime_seconds >= 5);
    CHECK(status.daemon.device_type == "internal");
    CHECK(status.daemon.device_name.empty());
    CHECK_FALSE(status.daemon.native_esp);
    REQUIRE(status.connections.size() == 1);
    CHECK(status.connections[0].state == "up");
    REQUIRE(status.ike_sas.size() == 1);
    REQUIRE(status.ike_sas[0].children.size() == 1);
    CHECK(status.ike_sas[0].children[0].udp_encap);
    CHECK(make_status(monotonic_now(), pair.east->driver, facts, "other").connections.empty());
    ctl::Explain question;
    question.source = *IpAddr::parse("10.1.0.1");
    question.destination = *IpAddr::parse("10.2.0.1");
    const auto explained = make_explain(monotonic_now(), pair.east->driver, question);
    CHECK(explained.action == "PROTECT");
    CHECK(explained.child == "net");
    CHECK(explained.spi_out == status.ike_sas[0].children[0].spi_out);
    question.destination = *IpAddr::parse("10.9.0.1");
    CHECK(make_explain(monotonic_now(), pair.east->driver, question).action == "DISCARD");
  }
}
