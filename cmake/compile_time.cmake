# A clean build within minutes on two cores. Of a file's compile time most is not the file: GoogleTest takes 2 s to parse,
# nlohmann-json 2, CLI11 2 to 5, fmt 0.7, and what they make the compiler instantiate is made again for each file that uses
# it. So files of one target are compiled together, up to OCTET_UNITY_BATCH at a time (CMake's unity builds).
#
# Not so the libraries of src/kernels: instruction sets have flags, and with them objects, of their own (octet_isa_sources),
# and whoever works on a kernel wants its file compiled alone.
#
# What it asks of the sources: names in the anonymous namespaces of one target differ. A clash is an error of the compiler;
# rename, share what is the same, or take a file out by its property SKIP_UNITY_BUILD_INCLUSION. -DOCTET_UNITY=OFF compiles each
# file alone: better while editing, and what clang-tidy sees (scripts/check-tidy), which so finds missing includes.
option(OCTET_UNITY "Compile several files of a target together" ON)
set(OCTET_UNITY_BATCH 8 CACHE STRING "Files compiled together at most")
set(CMAKE_UNITY_BUILD ${OCTET_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE ${OCTET_UNITY_BATCH})
# GCC warns of a class that holds one of an anonymous namespace unless it stands in the main file, which here is CMake's.
add_compile_options($<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wno-subobject-linkage>)
