// IPsec rules of a Windows host, as Get-NetIPsecRule and its friends print them with ConvertTo-Json, in the words of
// our configuration: [main_mode.…], [quick_mode.…] and [[filter]] for transport rules, [connection.…] for tunnel rules.
// What a rule means and we cannot say is never guessed: the rule is left out and the problem told. Any thread.
#pragma once
#include <string>
#include <vector>

namespace sallyport::cli {

struct WindowsImport {
  enum class Auth { as_written, psk, cert };  // instead of what the rules ask for, such as Kerberos
  Auth auth = Auth::as_written;
};

struct WindowsRules {
  std::string toml;
  std::vector<std::string> problems;  // one sentence each; the rule it names is left out
  std::vector<std::string> notes;     // what the reader has to do or know
  size_t rules = 0;                   // that were taken over
};

// One document: an object or an array, nested as it may be. Objects are known by their properties: rules, address
// filters and port filters (joined by InstanceID), sets of proposals. Text may be UTF-8 or UTF-16 with a mark, as
// PowerShell writes it. A document that is no JSON is a single problem.
WindowsRules import_windows(std::string_view document, const WindowsImport& options);

}  // namespace sallyport::cli
