// The printf family with Microsoft's conventions (include/sallyport/windows/msvcrt.h says which). Numbers are written
// by the system's own functions, from the argument as it was meant. A conversion that nobody knows is written as it
// stands.
#pragma once
#include <cstdarg>
#include <string>

namespace sallyport::api::winsock {

std::string format_text(const char* format, va_list arguments);
std::wstring format_text(const wchar_t* format, va_list arguments);

}  // namespace sallyport::api::winsock
