// The words that the processes of one daemon say to each other over their DescriptorChannels, and how a token stands in
// front of what they say. Both ends are ours, but a worker may have been taken over: who reads checks the lengths.
#pragma once
#include <string>

#include "base/bytes.h"
#include "stack/connections.h"

namespace sallyport::daemon {

enum class ToChild : uint8_t {
  descriptors = 1,  // a worker's first
  keys_channel,     // to a worker: its channel to the key process
  helper_channel,
  worker_channel,  // to an agent
  settings,        // a bundle of the configuration's files in a memory file; token
  refused,         // what was asked by reload_wanted is not done; token and why
  checked,         // token and the first problem, or nothing
  remark,          // for the log
  stop,
  guard,            // token and a runtime::GuardReport
  dosp,             // token, and a policy::DospReport in a memory file or none
  policy,           // what the policy store holds, in memory files
  socket_secured,   // token and what came of it
  earlier_sockets,  // those that a daemon before this one has secured, in a memory file
  socket_found,     // token and the runtime::EarlierSocket, or nothing
  owner_found,      // token and the runtime::OwnerAnswer
  caller_judged,    // token and why it may not call, or nothing
  file_opened       // token, an errno and why not; the file
};

enum class ToParent : uint8_t {
  ready = 1,  // an agent has started or has read its settings; token 0 and a remark, or nothing
  remark,
  reload_wanted,  // token; so with check_wanted and guard_wanted
  check_wanted,
  guard_wanted,
  dosp_wanted,
  filter_plan_begins,  // a plan of filter_plan.h in pieces
  filter_plan_goes_on,
  filter_plan_ends,
  policy_damaged,  // the newest store was not good
  policy_part,     // more of a store to be written, and the last of it
  policy_end,
  secure_socket,  // token and wish; a program's socket, to be marked and filtered
  find_socket,    // token and a runtime::EarlierSocket: whether a packet is for such a one
  find_owner,     // token and a runtime::OwnerQuestion
  judge_caller,   // token; a program's connection
  open_file       // token and a runtime::PeerFile; a connection and the folder that is its root
};

constexpr uint8_t code(ToChild word) { return static_cast<uint8_t>(word); }
constexpr uint8_t code(ToParent word) { return static_cast<uint8_t>(word); }

// Bodies that begin with the token of a question, or 0.
Bytes token_and_octets(stack::CommandToken token, ByteView octets);
Bytes token_and_text(stack::CommandToken token, const std::string& text = {});
stack::CommandToken token_of(const Bytes& body);  // 0: there is none
std::string text_of(const Bytes& body);
// What follows the token; nothing where there is no token.
ByteView after_token(const Bytes& body);

}  // namespace sallyport::daemon
