// The annotations of old sources, as nothing. windows.h brings them to C; in C++ they collide with names inside the
// standard library: include this last there.
#pragma once

#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#define __in
#define __in_opt
#define __in_z
#define __in_z_opt
#define __in_bcount(octets)
#define __in_bcount_opt(octets)
#define __in_ecount(count)
#define __in_ecount_opt(count)
#define __out
#define __out_opt
#define __out_z
#define __out_bcount(octets)
#define __out_bcount_opt(octets)
#define __out_bcount_part(octets, used)
#define __out_bcount_part_opt(octets, used)
#define __out_ecount(count)
#define __out_ecount_opt(count)
#define __out_ecount_part(count, used)
#define __out_ecount_part_opt(count, used)
#define __inout
#define __inout_opt
#define __inout_z
#define __inout_bcount(octets)
#define __inout_bcount_opt(octets)
#define __inout_ecount(count)
#define __inout_ecount_opt(count)
#define __deref_in
#define __deref_in_opt
#define __deref_inout
#define __deref_inout_opt
#define __deref_out
#define __deref_out_opt
#define __deref_opt_out
#define __deref_out_ecount(count)
#define __deref_out_bcount(octets)
#define __reserved
#define __checkReturn
#define __success(condition)
#define __nullterminated
#define __field_ecount(count)
#define __field_bcount(octets)
