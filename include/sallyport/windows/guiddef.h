// GUIDs. Data1 to Data3 are in the byte order of the machine, as the original has them.
#pragma once
#include <stdint.h>
#include <string.h>

typedef struct GUID_ {
  uint32_t Data1;
  uint16_t Data2;
  uint16_t Data3;
  uint8_t Data4[8];
} GUID;
typedef GUID IID;
typedef GUID UUID;
typedef GUID* LPGUID;
typedef const GUID* LPCGUID;
#ifdef __cplusplus
typedef const GUID &REFGUID, &REFIID;
extern "C" const GUID GUID_NULL;
#else
typedef const GUID *REFGUID, *REFIID;
extern const GUID GUID_NULL;
#endif

#ifdef INITGUID
#ifdef __cplusplus
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
  extern "C" {                                                       \
  extern const GUID name;                                            \
  const GUID name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}};   \
  }
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
  const GUID name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#endif
#elif defined(__cplusplus)
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) extern "C" const GUID name
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) extern const GUID name
#endif

#ifdef __cplusplus
inline int IsEqualGUID(const GUID& a, const GUID& b) { return memcmp(&a, &b, sizeof(GUID)) == 0; }
inline bool operator==(const GUID& a, const GUID& b) { return IsEqualGUID(a, b) != 0; }
inline bool operator!=(const GUID& a, const GUID& b) { return IsEqualGUID(a, b) == 0; }
#else
#define IsEqualGUID(a, b) (memcmp((a), (b), sizeof(GUID)) == 0)
#endif
#define IsEqualIID IsEqualGUID
#define InlineIsEqualGUID IsEqualGUID
