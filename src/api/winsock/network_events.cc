#include "api/winsock/network_events.h"

#include "api/winsock/last_error.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {
namespace {

int option(int descriptor, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : 0;
}

bool connected(int descriptor) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

}  // namespace

void NetworkEvents::select(int descriptor, HANDLE event, long mask) {
  if (mask == 0) {
    forget(descriptor);
    return;
  }
  Watched& of = sockets_[descriptor];
  of.event = event;
  of.mask = mask;
  of.enabled = FD_READ | FD_OOB | FD_ACCEPT | FD_CLOSE;
  if (option(descriptor, SO_TYPE) != SOCK_STREAM || connected(descriptor)) of.enabled |= FD_WRITE;
  if (notes(descriptor).connecting) of.enabled |= FD_CONNECT;
  of.happened = {};
}

void NetworkEvents::take(int descriptor, WSANETWORKEVENTS& out) {
  out = {};
  const auto found = sockets_.find(descriptor);
  if (found == sockets_.end()) return;
  out = found->second.happened;
  found->second.happened = {};
}

bool NetworkEvents::enable(int descriptor, long events) {
  const auto found = sockets_.find(descriptor);
  if (found == sockets_.end()) return false;
  found->second.enabled |= events;
  return true;
}

// What to poll for. Only what may still be recorded, because what is polled for and cannot be would wake us for ever.
short NetworkEvents::wanted(int descriptor, const Watched& of) {
  const long watched = of.mask & of.enabled;
  if ((of.enabled & FD_CONNECT) != 0) return POLLOUT;
  if (option(descriptor, SO_ACCEPTCONN) != 0) return (watched & FD_ACCEPT) != 0 ? POLLIN : 0;
  const bool stream = option(descriptor, SO_TYPE) == SOCK_STREAM;
  if (stream && !notes(descriptor).connected_once && !connected(descriptor)) return 0;  // not used yet
  int events = 0;
  if ((watched & FD_READ) != 0) events |= POLLIN;
  if ((watched & FD_WRITE) != 0) events |= POLLOUT;
  if (stream && (watched & FD_OOB) != 0) events |= POLLPRI;
  if (stream && (watched & FD_CLOSE) != 0) events |= POLLRDHUP;
  return static_cast<short>(events);
}

void NetworkEvents::add_to(std::vector<pollfd>& polled) const {
  for (const auto& [descriptor, of] : sockets_) {
    if (const short events = wanted(descriptor, of)) polled.push_back({descriptor, events, 0});
  }
}

void NetworkEvents::record(Watched& of, int bit, int error) {
  const long event = 1L << bit;
  if ((of.enabled & event) == 0) return;
  of.enabled &= ~event;
  if ((of.mask & event) == 0) return;
  of.happened.lNetworkEvents |= static_cast<LONG>(event);
  of.happened.iErrorCode[bit] = error;
  SetEvent(of.event);
}

void NetworkEvents::note(int descriptor, short happened, Watched& of) {
  if (notes(descriptor).connecting) {
    if ((happened & (POLLOUT | POLLERR | POLLHUP)) == 0) return;
    const int error = option(descriptor, SO_ERROR);
    change_notes(descriptor, [](SocketNotes& about) { about.connecting = false; });
    record(of, FD_CONNECT_BIT, error == 0 ? 0 : socket_error(error));
    if (error == 0) of.enabled |= FD_WRITE | FD_READ | FD_CLOSE;
    return;
  }
  if (option(descriptor, SO_ACCEPTCONN) != 0) {
    if ((happened & POLLIN) != 0) record(of, FD_ACCEPT_BIT, 0);
    return;
  }
  int waiting = 0;
  const bool stream = option(descriptor, SO_TYPE) == SOCK_STREAM;
  if (stream) ::ioctl(descriptor, FIONREAD, &waiting);
  if ((happened & (POLLIN | POLLERR)) != 0 && (!stream || waiting > 0)) record(of, FD_READ_BIT, 0);
  if ((happened & POLLPRI) != 0) record(of, FD_OOB_BIT, 0);
  if ((happened & POLLOUT) != 0 && (of.enabled & FD_WRITE) != 0) record(of, FD_WRITE_BIT, 0);
  if (stream && (happened & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
    const int error = option(descriptor, SO_ERROR);
    record(of, FD_CLOSE_BIT, error == 0 ? 0 : socket_error(error));
    of.enabled &= waiting > 0 ? FD_READ : 0;
  }
  if (stream && waiting == 0 && (happened & POLLIN) != 0) of.enabled &= ~FD_READ;  // the end, not octets
}

void NetworkEvents::note(const std::vector<pollfd>& polled) {
  for (const pollfd& each : polled) {
    const auto found = each.revents == 0 ? sockets_.end() : sockets_.find(each.fd);
    if (found == sockets_.end()) continue;
    if (identity(each.fd) == 0) {
      sockets_.erase(found);  // closed behind our back
    } else {
      note(each.fd, each.revents, found->second);
    }
  }
}

}  // namespace sallyport::api::winsock
