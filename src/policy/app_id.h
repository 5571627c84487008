// What names a program to the fields ALE_APP_ID and ALE_ORIGINAL_APP_ID: what FwpmGetAppIdFromFileName0 gives. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sallyport::policy {

// path: resolved, absolute. UTF-16 in little-endian order with a zero at the end, in lower case as far as ASCII goes;
// an octet that is no UTF-8 is one unit, DC00 and the octet, so that two paths are never one program for that.
Bytes app_id_of(std::string_view path);
// The path that it was made of, in lower case; nothing: it is no such ID.
std::optional<std::string> path_of_app_id(ByteView id);

}  // namespace sallyport::policy
