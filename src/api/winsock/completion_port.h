// Completion ports: finished operations in the order in which they ended. Any thread.
#pragma once
#include <deque>

#include "api/winsock/waiting.h"

namespace sallyport::api::winsock {

class CompletionPort : public HandleObject {
 public:
  struct Entry {
    DWORD octets;
    uint64_t key;
    LPOVERLAPPED overlapped;
    DWORD error;
  };
  void post(const Entry& entry);
  std::optional<Entry> take(DWORD milliseconds);

 private:
  std::deque<Entry> entries_;  // under wait_mutex()
};

}  // namespace sallyport::api::winsock
