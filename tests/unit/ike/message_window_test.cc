// Message IDs, stored replies, retransmission. RFC 7296 2.1 to 2.3; robustness S4, S9.
#include "ike/message_window.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::ike;

TEST_SUITE_BEGIN("ike/message_window");

namespace {

using In = MessageWindow::Incoming;
const TimePoint kStart{seconds(100)};

Digest digest(uint8_t fill) {
  Digest d;
  d.fill(fill);
  return d;
}

std::vector<Bytes> datagrams(uint8_t fill) {
  std::vector<Bytes> out;
  out.push_back(Bytes(8, fill));
  return out;
}

}  // namespace

TEST_CASE("[RFC7296 2.2] the last message ID is never taken, so that none comes twice") {
  constexpr model::MessageId last = 0xFFFFFFFF;
  MessageWindow w;
  w.take_request(last - 2, digest(1));
  w.store_reply(datagrams(1));
  CHECK(w.classify(last - 1, digest(2)) == In::fresh);
  w.take_request(last - 1, digest(2));
  w.store_reply(datagrams(2));
  CHECK(w.next_in() == last);
  CHECK(w.classify(last, digest(3)) == In::outside);
  CHECK(w.classify(0, digest(3)) == In::outside);
  CHECK(w.classify(last - 1, digest(2)) == In::repeated);
}

TEST_CASE("[RFC7296 2.2] S4 requests are taken in order, each once; anything else is outside the window") {
  MessageWindow w;
  CHECK(w.classify(1, digest(1)) == In::outside);
  for (model::MessageId id = 0; id < 5; ++id) {
    CHECK(w.classify(id, digest(1)) == In::fresh);
    CHECK(w.expected(id));
    w.take_request(id, digest(static_cast<uint8_t>(id)));
    CHECK(!w.expected(id + 1));
    CHECK(w.request_in_hand_id() == id);
    // While it is being worked on nothing new is taken, and the same again does not start it again.
    CHECK(w.classify(id + 1, digest(9)) == In::outside);
    CHECK(w.classify(id, digest(static_cast<uint8_t>(id))) == In::working);
    w.store_reply(datagrams(static_cast<uint8_t>(id)));
    CHECK(w.classify(id, digest(static_cast<uint8_t>(id))) == In::repeated);
    CHECK(w.stored_reply() == datagrams(static_cast<uint8_t>(id)));
    if (id > 0) CHECK(w.classify(id - 1, digest(static_cast<uint8_t>(id - 1))) == In::outside);
    CHECK(w.classify(id + 2, digest(1)) == In::outside);
  }
}

TEST_CASE("[RFC7296 2.1] S4 other octets under the ID of an answered request are no repetition") {
  MessageWindow w;
  w.take_request(0, digest(1));
  w.store_reply(datagrams(7));
  CHECK(w.classify(0, digest(2)) == In::differs);
  CHECK(w.classify(0, digest(1)) == In::repeated);
}

TEST_CASE("a request that is given up leaves no reply of an earlier one behind") {
  MessageWindow w;
  w.take_request(0, digest(1));
  w.store_reply(datagrams(1));
  w.take_request(1, digest(2));
  w.drop_request();
  CHECK(!w.request_in_hand());
  CHECK(w.classify(1, digest(2)) == In::repeated);
  CHECK(w.stored_reply().empty());
  CHECK(w.classify(2, digest(3)) == In::fresh);
}

TEST_CASE("[RFC7296 2.2] IDs of requests count up by one, and only the outstanding one is answered") {
  MessageWindow w;
  CHECK(w.next_out() == 0);
  CHECK(!w.answers(0));
  for (model::MessageId id = 0; id < 4; ++id) {
    CHECK(w.can_send());
    w.sent(kStart, datagrams(1));
    CHECK(!w.can_send());
    CHECK(w.answers(id));
    CHECK(!w.answers(id + 1));
    w.answered();
    CHECK(!w.answers(id));
    CHECK(w.next_out() == id + 1);
    CHECK(!w.deadline());
    CHECK(w.outstanding().empty());
  }
}

TEST_CASE("[RFC7296 2.1] retransmission waits grow by the factor, up to two minutes, and end after the tries") {
  MessageWindow w({seconds(2), 3.0, 6});
  w.sent(kStart, datagrams(3));
  TimePoint at = kStart;
  std::vector<int64_t> waits;
  unsigned again = 0;
  while (w.deadline()) {
    waits.push_back(std::chrono::duration_cast<seconds>(*w.deadline() - at).count());
    at = *w.deadline();
    if (!w.retransmit(at)) break;
    CHECK(w.outstanding() == datagrams(3));
    ++again;
  }
  CHECK(waits == std::vector<int64_t>{2, 6, 18, 54, 120, 120, 120});
  CHECK(again == 6);
  CHECK(w.transmissions() == 7);
  CHECK(!w.retransmit(at));
}

TEST_CASE("[RFC7296 2.1] an answer stops the clock; a reply is never retransmitted by itself") {
  MessageWindow w;
  w.sent(kStart, datagrams(3));
  w.answered();
  CHECK(!w.deadline());
  CHECK(!w.retransmit(kStart + seconds(10)));
  w.take_request(0, digest(1));
  w.store_reply(datagrams(4));
  CHECK(!w.deadline());
}

TEST_CASE("hurry asks again soon and gives up early, for this request only, and is never slower than the policy") {
  MessageWindow w({seconds(2), 1.8, 5});
  w.sent(kStart, datagrams(1));
  w.hurry(kStart, {milliseconds(500), 2.0, 2});
  CHECK(*w.deadline() == kStart + milliseconds(500));
  CHECK(w.retransmit(*w.deadline()));
  CHECK(w.retransmit(*w.deadline()));
  CHECK(!w.retransmit(kStart + seconds(9)));
  w.answered();
  w.sent(kStart, datagrams(2));
  CHECK(*w.deadline() == kStart + seconds(2));
  MessageWindow quick({milliseconds(100), 1.5, 1});
  quick.sent(kStart, datagrams(1));
  quick.hurry(kStart, {milliseconds(500), 2.0, 4});
  CHECK(*quick.deadline() == kStart + milliseconds(100));
  CHECK(quick.retransmit(*quick.deadline()));
  CHECK(!quick.retransmit(kStart + seconds(1)));
  MessageWindow idle;
  idle.hurry(kStart, {milliseconds(500), 2.0, 4});
  CHECK(!idle.deadline());
}

TEST_CASE("[RFC7296 2.6] IKE_SA_INIT that starts anew has the ID 0 again") {
  MessageWindow w;
  w.sent(kStart, datagrams(1));
  w.restart();
  CHECK(w.next_out() == 0);
  CHECK(w.can_send());
  CHECK(!w.deadline());
  w.sent(kStart, datagrams(2));
  CHECK(w.answers(0));
}

TEST_SUITE_END();
