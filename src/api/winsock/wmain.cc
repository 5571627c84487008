// main() for programs that have wmain() instead. It is taken only where the program has no main() of its own.
#include <clocale>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "api/winsock/text.h"

extern "C" {
// The C++ form has another name in the object file than the C one.
int wmain(int count, wchar_t** words, wchar_t** environment) __attribute__((weak));
int sallyport_wmain_of_cpp(int count, wchar_t** words) __asm__("_Z5wmainiPPw") __attribute__((weak));
int sallyport_wmain_of_cpp_const(int count, wchar_t** words) __asm__("_Z5wmainiPPKw") __attribute__((weak));
int sallyport_wmain_of_cpp_bare(void) __asm__("_Z5wmainv") __attribute__((weak));
int sallyport_wmain_of_cpp_long(int count, wchar_t** words, wchar_t** environment) __asm__("_Z5wmainiPPwS0_")
    __attribute__((weak));

int main(int count, char** words, char** environment) {
  const auto widened = [](char** from, std::vector<std::wstring>& texts) {
    for (; *from; ++from) texts.push_back(sallyport::api::winsock::from_utf8(*from));
    std::vector<wchar_t*> out;
    for (std::wstring& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  std::setlocale(LC_CTYPE, "");
  std::vector<std::wstring> word_texts;
  std::vector<std::wstring> environment_texts;
  std::vector<wchar_t*> wide_words = widened(words, word_texts);
  std::vector<wchar_t*> wide_environment = widened(environment, environment_texts);
  if (wmain) return wmain(count, wide_words.data(), wide_environment.data());
  if (sallyport_wmain_of_cpp) return sallyport_wmain_of_cpp(count, wide_words.data());
  if (sallyport_wmain_of_cpp_const) return sallyport_wmain_of_cpp_const(count, wide_words.data());
  if (sallyport_wmain_of_cpp_long) {
    return sallyport_wmain_of_cpp_long(count, wide_words.data(), wide_environment.data());
  }
  if (sallyport_wmain_of_cpp_bare) return sallyport_wmain_of_cpp_bare();
  std::fputs("This program has neither main() nor wmain().\n", stderr);
  return 127;
}
}
