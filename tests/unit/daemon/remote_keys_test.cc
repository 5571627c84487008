// Key work handed to other processes: every request gets its reply, also when the process that had it ends.
#include <doctest/doctest.h>

#include <map>
#include <utility>  // before Asio
//
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/key_channel.h"
#include "daemon/wiring.h"

using namespace sallyport;
using namespace sallyport::daemon;
using runtime::DescriptorChannel;

namespace {

struct Bench {
  runtime::Loop loop;
  RemoteKeys keys{loop};
  std::map<model::RequestId, std::vector<model::KeyReply>> replies;
  std::vector<std::string> lost;
  DescriptorChannel agent;  // the other end of the key process's channel

  Bench() {
    keys.on_reply = [this](model::RequestId id, model::KeyReply reply) { replies[id].push_back(std::move(reply)); };
    keys.on_lost = [this](const std::string& sentence) { lost.push_back(sentence); };
  }
  void give_agent() {
    auto ends = DescriptorChannel::pair();
    REQUIRE(ends);
    keys.use_keys(std::move(ends->first));
    agent = std::move(ends->second);
  }
  void run(std::chrono::milliseconds most = std::chrono::milliseconds(30)) {
    loop.io().restart();
    loop.io().run_for(most);
  }
  void ask(model::RequestId id) { keys.submit(id, model::PskAuth{"west", model::PrfId::HMAC_SHA2_256, Bytes(8, 1)}); }
  KeyRequestFrame taken() {
    auto message = agent.receive(true);
    REQUIRE(message);
    REQUIRE(message->has_value());
    auto frame = parse_key_request((*message)->body);
    REQUIRE(frame);
    return std::move(*frame);
  }
  void answer(model::RequestId id) { REQUIRE(agent.send(0, write_key_reply(id, model::AuthData{Bytes(4, 2)}))); }
  std::string refusal(model::RequestId id) {
    if (replies[id].size() != 1) return std::to_string(replies[id].size()) + " replies";
    const auto* refused = std::get_if<model::Refused>(&replies[id].front());
    return refused ? refused->why : "not refused";
  }
};

}  // namespace

TEST_SUITE("daemon/remote_keys") {
  TEST_CASE("a request goes out and its reply comes back under its id") {
    Bench bench;
    bench.give_agent();
    bench.ask(7);
    CHECK(bench.taken().id == 7);
    bench.answer(7);
    bench.run();
    REQUIRE(bench.replies[7].size() == 1);
    CHECK(std::get<model::AuthData>(bench.replies[7].front()).data == Bytes(4, 2));
    CHECK(bench.lost.empty());
  }

  TEST_CASE("what the key process had in hand when it ended is refused, each request once") {
    Bench bench;
    bench.give_agent();
    for (const model::RequestId id : {1, 2, 3}) bench.ask(id);
    CHECK(bench.taken().id == 1);
    bench.answer(1);
    bench.agent = DescriptorChannel();  // its end
    bench.run();
    CHECK(std::holds_alternative<model::AuthData>(bench.replies[1].at(0)));
    CHECK(bench.refusal(2) == "the key process ended while it worked on this");
    CHECK(bench.refusal(3) == "the key process ended while it worked on this");
    CHECK(bench.lost == std::vector<std::string>{"the key process has ended; 2 requests it had in hand are refused"});

    // While there is none, work is refused; with the next one all is as before.
    bench.ask(4);
    bench.run();
    CHECK(bench.refusal(4) == "the key process is not there");
    bench.give_agent();
    bench.ask(5);
    CHECK(bench.taken().id == 5);
    bench.answer(5);
    bench.run();
    CHECK(std::holds_alternative<model::AuthData>(bench.replies[5].at(0)));
  }

  TEST_CASE("a new channel takes the place of one whose end was not seen yet") {
    Bench bench;
    bench.give_agent();
    bench.ask(1);
    bench.give_agent();
    bench.run();
    CHECK(bench.refusal(1) == "the key process ended while it worked on this");
  }

  TEST_CASE("replies nobody asked for, repeated ones and nonsense are passed over") {
    Bench bench;
    bench.give_agent();
    bench.ask(1);
    bench.answer(99);
    REQUIRE(bench.agent.send(0, Bytes(3, 0xff)));
    bench.answer(1);
    bench.answer(1);
    bench.run();
    CHECK(bench.replies.size() == 1);
    CHECK(bench.replies[1].size() == 1);
  }

  TEST_CASE("a process that does not read is not waited for") {
    Bench bench;
    bench.give_agent();
    model::RequestId refused = 0;
    for (model::RequestId id = 1; id < 20000 && refused == 0; ++id) {
      bench.ask(id);
      bench.loop.io().restart();
      bench.loop.io().poll();
      if (bench.replies.contains(id)) refused = id;
    }
    REQUIRE(refused != 0);
    CHECK(bench.refusal(refused).find("does not take work") != std::string::npos);
  }

  TEST_CASE("key exchanges stay here, chains and names go to the helper") {
    Bench bench;
    bench.give_agent();
    bench.keys.submit(1, model::KeWork{model::GroupId::CURVE25519, {}, {}});
    bench.keys.submit(2, model::Resolve{"gateway.example"});
    bench.run(std::chrono::milliseconds(100));
    REQUIRE(bench.replies[1].size() == 1);
    CHECK(std::get<model::KeDone>(bench.replies[1].front()).public_value.size() == 32);
    CHECK(bench.refusal(2) == "the helper is not there");
    auto nothing = bench.agent.receive(false);
    REQUIRE(nothing);
    CHECK_FALSE(nothing->has_value());
  }
}

TEST_SUITE("daemon/local_keys") {
  TEST_CASE("in one process the agents answer on the loop, never within submit") {
    runtime::Loop loop;
    LocalKeys keys(loop, std::make_shared<KeyAgent>(), std::make_shared<VerifyAgent>());
    std::map<model::RequestId, model::KeyReply> replies;
    keys.on_reply = [&](model::RequestId id, model::KeyReply reply) { replies.emplace(id, std::move(reply)); };
    keys.submit(1, model::PskAuth{"absent", model::PrfId::HMAC_SHA2_256, {}});
    keys.submit(2, model::VerifyPeer{});
    keys.submit(3, model::KeWork{model::GroupId::MODP_2048, {}, {}});
    CHECK(replies.empty());
    for (int i = 0; i < 200 && replies.size() < 3; ++i) {
      // Without a guard the loop returns at once while the pool still works.
      const auto guard = boost::asio::make_work_guard(loop.io());
      loop.io().restart();
      loop.io().run_for(std::chrono::milliseconds(50));
    }
    REQUIRE(replies.size() == 3);
    CHECK(std::get<model::Refused>(replies.at(1)).code == Errc::bad_key);
    CHECK_FALSE(std::get<model::Verdict>(replies.at(2)).ok);
    CHECK(std::get<model::KeDone>(replies.at(3)).public_value.size() == 256);
  }
}
