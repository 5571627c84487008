// The part of a connection's objects in the filter engine (connection_objects.h) that the platform's types cannot say:
// their provider data. Pure.
#pragma once
#include <optional>
#include <string>

#include "model/selector.h"
#include "policy/object.h"

namespace sallyport::stack {

// What an object says in its provider data: whose it is, and what a filter of a child covers, to the last selector. As
// text, one word and its value a line.
struct ConnectionRecord {
  std::string connection;
  std::string child;            // empty: of the connection as a whole
  uint32_t reqid = 0;           // of filters that decide about packets, as the rest is
  uint32_t part = 0;            // of the child, which may need several filters for its selectors
  model::Selectors local = {};  // of one IP version, one protocol and one range of ports
  model::Selectors remote = {};
  bool operator==(const ConnectionRecord&) const = default;
};
Bytes write_record(const ConnectionRecord& record);
std::optional<ConnectionRecord> read_record(ByteView octets);

// The object is of a connection of the configuration. Nobody else can add one that says so.
bool is_of_connection(const policy::ObjectHead& head);

}  // namespace sallyport::stack
