// The octets of stored values: one description of each structure serves writing and reading. Numbers are big-endian,
// lengths come first, an enumeration is read only within its bounds. A reader that has failed once gives zeros and
// stays failed. Pure.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "policy/keying_policy.h"

namespace sallyport::policy {

template <class T>
concept Number = std::is_integral_v<T> && !std::is_same_v<T, bool>;

class ArchiveWriter {
 public:
  static constexpr bool kReading = false;
  ArchiveWriter() = default;
  explicit ArchiveWriter(Bytes start) : out_(std::move(start)) {}  // with room for all of it, where it holds a secret
  template <Number T>
  void number(const T& v) {
    using U = std::make_unsigned_t<T>;
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
      out_.u8(static_cast<uint8_t>(static_cast<uint64_t>(static_cast<U>(v)) >> shift));
  }
  template <class E>
  void enumeration(const E& v, uint32_t) {
    number(static_cast<uint32_t>(v));
  }
  void octets(ByteView v) {
    number(static_cast<uint32_t>(v.size()));
    out_.bytes(v);
  }
  void fixed(ByteView v) { out_.bytes(v); }
  Writer& out() { return out_; }

 private:
  Writer out_;
};

class ArchiveReader {
 public:
  static constexpr bool kReading = true;
  explicit ArchiveReader(ByteView bytes) : in_(bytes) {}

  template <Number T>
  void number(T& v) {
    const auto bytes = take(sizeof(T));
    uint64_t n = 0;
    for (uint8_t octet : bytes) n = n << 8 | octet;
    v = static_cast<T>(n);
  }
  template <class E>
  void enumeration(E& v, uint32_t limit) {
    uint32_t n = 0;
    number(n);
    if (n >= limit) fail(Errc::bad_value);
    v = static_cast<E>(failed() ? 0 : n);
  }
  ByteView octets() {
    uint32_t n = 0;
    number(n);
    return take(n);
  }
  void fixed(MutableBytes v) {
    const ByteView bytes = take(v.size());
    std::copy(bytes.begin(), bytes.end(), v.begin());
  }
  // How many items follow; each takes at least one octet, so more than are left is a lie.
  size_t count() {
    uint32_t n = 0;
    number(n);
    if (n > in_.left()) fail(Errc::too_many);
    return failed() ? 0 : n;
  }
  void fail(Errc why) {
    if (!error_) error_ = Error{why, static_cast<uint32_t>(in_.position())};
  }
  bool failed() const { return error_.has_value(); }
  Result<> finish() {
    if (error_) return tl::unexpected(*error_);
    return in_.expect_end();
  }

 private:
  ByteView take(size_t n) {
    if (failed()) return {};
    const auto view = in_.view(n);
    if (!view) return fail(Errc::truncated), ByteView{};
    return *view;
  }
  Reader in_;
  std::optional<Error> error_;
};

// A structure's own description is a function template describe(Archive&, Structure&), found by its argument. The walk
// over one value:
template <class A, class T>
void walk(A& a, T& v);

template <class A, class... T>
void walk_all(A& a, T&... v) {
  (walk(a, v), ...);
}

namespace archive {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVariant : std::false_type {};
template <class... T>
struct IsVariant<std::variant<T...>> : std::true_type {};

template <class A, class V, size_t... kIndex>
void walk_variant(A& a, V& v, std::index_sequence<kIndex...>) {
  auto index = static_cast<uint32_t>(v.index());
  a.enumeration(index, sizeof...(kIndex));
  if constexpr (A::kReading) {
    (void)((index == kIndex ? (v.template emplace<kIndex>(), true) : false) || ...);
  }
  (void)((index == kIndex ? (walk(a, *std::get_if<kIndex>(&v)), true) : false) || ...);
}

template <class A, class T>
void walk_vector(A& a, T& v) {
  if constexpr (A::kReading) {
    const size_t n = a.count();
    v.clear();
    for (size_t i = 0; i < n && !a.failed(); ++i) walk(a, v.emplace_back());
  } else {
    a.number(static_cast<uint32_t>(v.size()));
    for (auto& each : v) walk(a, each);
  }
}

template <class A, class T>
void walk_optional(A& a, T& v) {
  uint8_t has = v.has_value();
  a.number(has);
  if constexpr (A::kReading) {
    if (has > 1) a.fail(Errc::bad_value);
    v.reset();
    if (has == 1 && !a.failed()) v.emplace();
  }
  if (v) walk(a, *v);
}

template <class A>
void walk_address(A& a, IpAddr& v) {
  if constexpr (A::kReading) {
    const auto address = IpAddr::from_bytes(a.octets());
    if (!address) return a.fail(Errc::bad_length);
    v = *address;
  } else {
    a.octets(v.bytes());
  }
}

}  // namespace archive
}  // namespace sallyport::policy
