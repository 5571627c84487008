// Net events as the control protocol tells them. Pure.
#pragma once
#include "ctl/messages.h"
#include "policy/net_event.h"

namespace sallyport::runtime {

ctl::NetEvent make_net_event(const policy::NetEvent& event);

}  // namespace sallyport::runtime
