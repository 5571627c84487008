// The annotations of parameters and results that begin with one underscore and a capital, as nothing.
#pragma once

#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(count)
#define _In_reads_opt_(count)
#define _In_reads_bytes_(octets)
#define _In_reads_bytes_opt_(octets)
#define _In_reads_or_z_(count)
#define _In_range_(low, high)
#define _Out_
#define _Out_opt_
#define _Out_z_cap_(count)
#define _Out_writes_(count)
#define _Out_writes_opt_(count)
#define _Out_writes_z_(count)
#define _Out_writes_to_(count, used)
#define _Out_writes_bytes_(octets)
#define _Out_writes_bytes_opt_(octets)
#define _Out_writes_bytes_to_(octets, used)
#define _Out_writes_bytes_to_opt_(octets, used)
#define _Inout_
#define _Inout_opt_
#define _Inout_z_
#define _Inout_updates_(count)
#define _Inout_updates_opt_(count)
#define _Inout_updates_bytes_(octets)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Outptr_result_z_
#define _Deref_out_
#define _Deref_out_opt_
#define _COM_Outptr_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Ret_z_
#define _Pre_
#define _Post_
#define _Reserved_
#define _Frees_ptr_opt_
#define _Null_terminated_
#define _NullNull_terminated_
#define _Printf_format_string_
#define _Check_return_
#define _Must_inspect_result_
#define _Success_(condition)
#define _Field_size_(count)
#define _Field_size_bytes_(octets)
#define _Use_decl_annotations_
#define _Acquires_lock_(lock)
#define _Releases_lock_(lock)
#define _Function_class_(name)
#define _When_(condition, annotations)
#define _At_(target, annotations)
