// The annotations of old sources, as nothing. They collide with names inside C++ standard libraries: include this last.
#pragma once

#define IN
#define OUT
#define OPTIONAL
#define __in
#define __in_opt
#define __out
#define __out_opt
#define __inout
#define __inout_opt
#define __deref_out
#define __deref_out_opt
#define __in_ecount(count)
#define __out_ecount(count)
