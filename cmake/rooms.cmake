# One room: a static library of src/<name>/**.cc and a doctest binary of tests/unit/<name>/**_test.cc.
#   sp_room(<name> LINKS <public...> [PRIVATE_LINKS <private...>])
# Files are globbed, so a new file needs no line here. src/<name>/CMakeLists.txt may add to the target (generated code).
# main.cc of a door is left out of its library.

set(SP_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wnon-virtual-dtor -Wformat=2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 at -O2 sees a free of a non-heap pointer where a variant holding vectors is moved; nothing is there.
  list(APPEND SP_WARNINGS -Wno-free-nonheap-object)
endif()
if(SALLYPORT_WERROR)
  list(APPEND SP_WARNINGS -Werror)
endif()

add_library(sp_build_flags INTERFACE)
target_compile_options(sp_build_flags INTERFACE ${SP_WARNINGS})
target_include_directories(sp_build_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
if(SALLYPORT_SANITIZE)
  target_compile_options(sp_build_flags INTERFACE -fsanitize=${SALLYPORT_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented, GCC 12 sees uninitialised members in its own <regex>; the other presets keep the warning.
    target_compile_options(sp_build_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_link_options(sp_build_flags INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
endif()
if(SALLYPORT_FUZZ)
  target_compile_options(sp_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(sp_room name)
  cmake_parse_arguments(ROOM "" "" "LINKS;PRIVATE_LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/src/${name}/main\\.cc$")
  if(NOT sources)
    add_library(sallyport_${name} INTERFACE)
    target_link_libraries(sallyport_${name} INTERFACE sp_build_flags ${ROOM_LINKS})
  else()
    add_library(sallyport_${name} STATIC ${sources})
    target_link_libraries(sallyport_${name} PUBLIC ${ROOM_LINKS} PRIVATE sp_build_flags ${ROOM_PRIVATE_LINKS})
    target_include_directories(sallyport_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  endif()
  add_library(sallyport::${name} ALIAS sallyport_${name})

  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/*_test.cc)
  if(SALLYPORT_TESTS AND tests)
    add_executable(${name}_test ${tests} ${CMAKE_SOURCE_DIR}/tests/support/doctest_main.cc)
    target_link_libraries(${name}_test PRIVATE sallyport_${name} sp_build_flags)
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    add_test(NAME unit/${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(unit/${name} PROPERTIES LABELS unit)
  endif()
endfunction()
