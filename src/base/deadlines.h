// A table of optional deadlines, one per enumerator, that asks its host for exactly one wakeup.
// Requires: Enum has an enumerator kCount_ after its last one. Pure; one thread.
#pragma once
#include <array>
#include <optional>

#include "base/time.h"

namespace sallyport {

template <class Enum>
class Deadlines {
 public:
  void set(Enum which, TimePoint at) { table_[index(which)] = at; }
  void clear(Enum which) { table_[index(which)].reset(); }
  std::optional<TimePoint> get(Enum which) const { return table_[index(which)]; }

  std::optional<TimePoint> next() const {
    std::optional<TimePoint> first;
    for (const auto& at : table_) {
      if (at && (!first || *at < *first)) first = at;
    }
    return first;
  }

  // Takes one expired deadline out of the table; call until it returns nothing.
  std::optional<Enum> take_expired(TimePoint now) {
    for (size_t i = 0; i < table_.size(); ++i) {
      if (table_[i] && *table_[i] <= now) {
        table_[i].reset();
        return static_cast<Enum>(i);
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr size_t index(Enum which) { return static_cast<size_t>(which); }
  std::array<std::optional<TimePoint>, static_cast<size_t>(Enum::kCount_)> table_{};
};

}  // namespace sallyport
