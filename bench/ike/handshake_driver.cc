// Makes handshakes by a daemon's own control socket: up, down, again, on several connections at once, one thread each.
// A handshake is IKE_SA_INIT and IKE_AUTH with a Child SA, then the Delete of the IKE SA and its answer. What this
// program spends is nobody's figure: the daemons' CPU time is read from outside.
//   handshake_driver sallyport|charon SOCKET COUNT CONNECTION…      COUNT handshakes in all, shared by the connections
// Prints {"done": n, "failed": n, "seconds": s, "why": "…"}.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/client.h"
#include "bench/ike/vici.h"

namespace sallyport::bench {
namespace {

struct Tally {
  std::atomic<int> left;
  std::atomic<int> done = 0, failed = 0;
  std::mutex mutex;
  std::string why;

  void fail(const std::string& sentence) {
    ++failed;
    const std::lock_guard lock(mutex);
    if (why.empty()) why = sentence;
  }
};

void drive_sallyport(const std::string& socket, const std::string& connection, Tally& tally) {
  api::Client client;
  if (auto connected = client.connect(socket, "bench"); connected.code != ctl::ResultCode::ok)
    return tally.fail(connected.sentence);
  while (tally.left.fetch_sub(1) > 0) {
    const auto up = client.call(ctl::Up{connection, {}, seconds(10)}, {}, seconds(15));
    const auto down = client.call(ctl::Down{connection, {}, {}}, {}, seconds(15));
    if (up.code != ctl::ResultCode::ok || down.code != ctl::ResultCode::ok)
      return tally.fail(up.code != ctl::ResultCode::ok ? up.sentence : down.sentence);
    ++tally.done;
  }
}

void drive_charon(const std::string& socket, const std::string& connection, Tally& tally) {
  Vici vici;
  if (!vici.connect(socket)) return tally.fail("charon's control socket cannot be used");
  while (tally.left.fetch_sub(1) > 0) {
    // Child and connection have one name; the times are milliseconds.
    if (!vici.command("initiate",
                      {{"child", connection}, {"ike", connection}, {"timeout", "10000"}, {"loglevel", "-1"}}))
      return tally.fail("charon: initiate failed: " + vici.why());
    if (!vici.command("terminate", {{"ike", connection}, {"timeout", "10000"}, {"loglevel", "-1"}}))
      return tally.fail("charon: terminate failed: " + vici.why());
    ++tally.done;
  }
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  if (argc < 5) {
    std::fputs("usage: handshake_driver sallyport|charon SOCKET COUNT CONNECTION…\n", stderr);
    return 2;
  }
  const std::string daemon = argv[1], socket = argv[2];
  Tally tally;
  tally.left = std::atoi(argv[3]);
  const auto drive = daemon == "charon" ? drive_charon : drive_sallyport;
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 4; i < argc; ++i) threads.emplace_back(drive, socket, std::string(argv[i]), std::ref(tally));
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  for (char& c : tally.why) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '\'';
  }
  std::printf("{\"done\": %d, \"failed\": %d, \"seconds\": %.6f, \"why\": \"%s\"}\n", tally.done.load(),
              tally.failed.load(), took.count(), tally.why.c_str());
  return tally.failed == 0 ? 0 : 1;
}
