# What compiler and linker can do against a mistake that a hostile file would use: a buffer written past its end stops the program
# rather than running what the file says (SECURITY.md). scripts/check-hardening looks whether programs and library have it.
# Directory options, so that generated code, tests and the Python module have it too and projects that add this one do not.
option(OCTET_HARDENING "Compile and link hardened: checked library calls, stack protector, PIE, read-only relocations" ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)  # without this CMake compiles for PIE and leaves linking to the compiler's default
if(NOT OCTET_HARDENING)
  return()
endif()
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)
include(CheckLinkerFlag)

# -fcf-protection is for x86, -fstack-clash-protection not known to every clang.
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "OCTET_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endforeach()
add_compile_definitions(_GLIBCXX_ASSERTIONS)  # an index past a vector's end stops the program

# Needs the optimiser, and would hide from the sanitizers what they are there to find. A level that the distribution's packaging put
# into the flags stays; one that the compiler defines by itself may be the lower one. Level 3 also knows sizes that are computed.
if(NOT OCTET_SANITIZE AND NOT "${CMAKE_CXX_FLAGS}" MATCHES "_FORTIFY_SOURCE")
  set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
  check_cxx_source_compiles("
    #include <cstdlib>
    #if !defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 3
    #error glibc takes the level for a lower one
    #endif
    int main() {}" OCTET_HAS_FORTIFY_3)
  unset(CMAKE_REQUIRED_FLAGS)
  set(level $<IF:$<BOOL:${OCTET_HAS_FORTIFY_3}>,3,2>)
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>")
endif()

foreach(flag relro now noexecstack)
  check_linker_flag(CXX LINKER:-z,${flag} OCTET_LINKER_HAS_${flag})
  if(OCTET_LINKER_HAS_${flag})
    add_link_options(LINKER:-z,${flag})
  endif()
endforeach()
