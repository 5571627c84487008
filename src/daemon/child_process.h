// What every child of the daemon does first, and how it ends when it cannot go on. A child is forked, never executed
// anew, and leaves by _exit, so that nothing of the parent's ends with it.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "daemon/wiring.h"
#include "runtime/descriptor_channel.h"

namespace sallyport::daemon {

// One sentence on stderr, and the end of this process.
[[noreturn]] void leave(const char* who, const std::string& sentence);

// Nothing but the standard streams and the child's own channel stays open; the parent's signals are the parent's.
runtime::DescriptorChannel keep_only(runtime::DescriptorChannel channel);

// The configuration that the message's first descriptor bundles, and its files; nothing where it is unusable.
std::optional<Loaded> loaded_of(const runtime::ChannelMessage& message, const std::string& path,
                                std::shared_ptr<runtime::BundledFiles>& files);

}  // namespace sallyport::daemon
