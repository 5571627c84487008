// Message IDs, stored replies and retransmission. RFC 7296 2.1 to 2.3.
#include "ike/message_window.h"

#include <algorithm>
#include <limits>

namespace sallyport::ike {

MessageWindow::Incoming MessageWindow::classify(model::MessageId id, const Digest& first_datagram) const {
  // RFC 7296 2.2: no ID may come twice, so the last one is never taken: the next would be 0 again.
  if (id == std::numeric_limits<model::MessageId>::max()) return Incoming::outside;
  if (id == next_in_) return working_ ? Incoming::outside : Incoming::fresh;
  if (!has_last_ || id != next_in_ - 1) return Incoming::outside;
  if (first_datagram != last_request_) return Incoming::differs;
  return working_ ? Incoming::working : Incoming::repeated;
}

void MessageWindow::take_request(model::MessageId id, const Digest& first_datagram) {
  next_in_ = id + 1;
  working_ = true;
  has_last_ = true;
  last_request_ = first_datagram;
  reply_.clear();
}

void MessageWindow::store_reply(std::vector<Bytes> datagrams) {
  reply_ = std::move(datagrams);
  working_ = false;
}

void MessageWindow::drop_request() { working_ = false; }

void MessageWindow::sent(TimePoint now, std::vector<Bytes> datagrams) {
  request_ = std::move(datagrams);
  outstanding_ = true;
  transmissions_ = 1;
  current_ = policy_;
  wait_ = current_.first;
  deadline_ = now + wait_;
}

bool MessageWindow::answers(model::MessageId id) const { return outstanding_ && id == next_out_; }

void MessageWindow::answered() {
  outstanding_ = false;
  request_.clear();
  deadline_.reset();
  ++next_out_;
}

bool MessageWindow::retransmit(TimePoint now) {
  if (!outstanding_) return false;
  if (transmissions_ > current_.tries) {
    deadline_.reset();
    return false;
  }
  ++transmissions_;
  // RFC 7296 2.1: the wait grows exponentially.
  const double longer = static_cast<double>(wait_.count()) * current_.factor;
  const double most = static_cast<double>(Duration(minutes(2)).count());
  wait_ = Duration(static_cast<Duration::rep>(std::min(longer, most)));
  deadline_ = now + wait_;
  return true;
}

void MessageWindow::hurry(TimePoint now, RetransmitPolicy quick) {
  if (!outstanding_ || !deadline_) return;
  current_.factor = std::min(current_.factor, quick.factor);
  current_.tries = std::min(current_.tries, transmissions_ - 1 + quick.tries);
  if (now + quick.first >= *deadline_) return;
  wait_ = quick.first;
  deadline_ = now + wait_;
}

void MessageWindow::restart() {
  outstanding_ = false;
  request_.clear();
  deadline_.reset();
  next_out_ = 0;
}

}  // namespace sallyport::ike
