# Programs written on a file system that does not tell letter cases apart write <Winsock2.h> or <WinSock2.h> as they
# like. For every header of include/sallyport/windows this makes small ones under the usual spellings, which forward to
# it. They are generated, because a checkout on such a file system could not hold them.
#   sp_letter_case_headers(<source folder> <folder to write into>)
set(SP_SPELLINGS
    WinSock2.h WinSock.h WinSOCK2.h WS2tcpip.h Ws2TcpIp.h Ws2TCPIP.h WS2TcpIP.h WS2TCPip.h Ws2Def.h WS2Def.h Ws2IpDef.h WS2IPDef.h
    MSTcpIP.h MsTcpip.h MSTcpip.h MsTcpIp.h MSWSock.h MsWSock.h WinDef.h WinError.h WinNT.h WinNt.h WinBase.h WinNls.h
    WinNLS.h WinUser.h NtDsApi.h NtDsAPI.h NTDSApi.h NTDsApi.h NTDSapi.h DsParse.h RpcDce.h RpcDCE.h TChar.h StrSafe.h GuidDef.h
    InitGuid.h InitGUID.h BaseTsd.h BaseTSD.h SpecStrings.h FwpmU.h FWPMu.h FwpmTypes.h FWPMTypes.h FwpTypes.h FWPTypes.h
    FwpVi.h IkeTypes.h IKETypes.h IPsecTypes.h IpsecTypes.h IPSecTypes.h NlDef.h NLDef.h In6Addr.h InAddr.h MinWinDef.h WTypes.h CrtDbg.h CRTDBG.h SSPI.h)

function(sp_letter_case_headers from to)
  file(MAKE_DIRECTORY ${to})
  file(GLOB headers RELATIVE ${from} CONFIGURE_DEPENDS ${from}/*.h)
  foreach(header ${headers})
    string(REGEX REPLACE "\\.h$" "" name ${header})
    string(TOUPPER ${name} upper)
    string(SUBSTRING ${upper} 0 1 first)
    string(SUBSTRING ${name} 1 -1 rest)
    set(spellings ${first}${rest}.h ${upper}.h ${upper}.H)
    foreach(known ${SP_SPELLINGS})
      string(TOLOWER ${known} lower)
      if(lower STREQUAL header)
        list(APPEND spellings ${known})
      endif()
    endforeach()
    list(REMOVE_DUPLICATES spellings)
    foreach(spelling ${spellings})
      file(CONFIGURE OUTPUT ${to}/${spelling} CONTENT "#pragma once\n#include <${header}>\n" @ONLY)
    endforeach()
  endforeach()
  # A program's own header that such samples include in another case than its file has; it is looked for where the
  # program's headers are.
  set(own "#pragma once\n")
  set(word "#if")
  foreach(candidate tcpcommon.h TCPCommon.h TCPcommon.h tcpCommon.h TCPCOMMON.H TCPCOMMON.h)
    string(APPEND own "${word} __has_include(\"${candidate}\")\n#include \"${candidate}\"\n")
    set(word "#elif")
  endforeach()
  string(APPEND own "#else\n#error \"This header is the program's own: add its folder to the include path.\"\n#endif\n")
  foreach(spelling Tcpcommon.h TcpCommon.h)
    file(CONFIGURE OUTPUT ${to}/${spelling} CONTENT "${own}" @ONLY)
  endforeach()
endfunction()
