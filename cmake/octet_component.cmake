# octet_component(NAME SOURCES ... DEPENDS ...): one folder of src/ or lab/ as a static library. What a folder may include is what
# it links, so the build itself keeps the layering (scripts/check-includes says it in words). What programs outside get is one
# library of those components that src/api needs (src/library); it shows of itself what is marked OCTET_API.
function(octet_component name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC octet_options ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
  set_target_properties(${name} PROPERTIES OCTET_COMPONENT ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# octet_test(NAME SOURCES ... DEPENDS ... [LABELS input threads] [TIMEOUT SECONDS] [COST SECONDS]): a GoogleTest program whose cases
# CTest sees one by one. LABELS say for which sanitizer a test is worth most (scripts/sanitize): `input`, it reads what may come from
# a stranger; `threads`, it computes with several. The target tests_LABEL builds all of one label. What has a COST starts first, so
# that it is not still at work when all else has ended.
# Tests run in the source directory, so that they find tests/ data by relative path. NO_PRETTY_VALUES: parameterised tests
# have the names that they are given, without the bytes of their parameter, which differ from run to run.
function(octet_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;COST" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT OCTET_BUILD_TESTS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE octet_options octet_test_support ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  # A quarter less to compile; what tests wait for is in libraries. With -O1 GCC 12 warns falsely of std::optional.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1 -Wno-maybe-uninitialized>)
  # UNITY_BUILD: also where a folder's own files are compiled alone (src/kernels).
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests UNITY_BUILD ${OCTET_UNITY})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_COST)
    set(ARG_COST 0)
  endif()
  foreach(label ${ARG_LABELS})
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
  # One label that holds them all, since a list does not survive the way through gtest_discover_tests.
  list(JOIN ARG_LABELS "," labels)
  gtest_discover_tests(${name} NO_PRETTY_VALUES WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${ARG_COST} LABELS "${labels}")
endfunction()

# octet_isa_sources(TARGET ISA FILES...): the one place where an instruction set gets its compile flags. Such a file includes
# only its contract, vector wrappers with internal linkage and the intrinsics header, so that no inline function
# compiled for a newer CPU can be picked by the linker for everyone (scripts/check-isa-symbols checks the objects).
# -Wno-uninitialized: GCC 12 warns inside its own AVX-512 header.
set(OCTET_ISA_FLAGS_avx2 -mavx2 -mfma -mtune=haswell)
set(OCTET_ISA_FLAGS_avx512 -Wno-uninitialized -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mtune=skylake-avx512 -mprefer-vector-width=512)
set(OCTET_ISA_FLAGS_avx512vnni ${OCTET_ISA_FLAGS_avx512} -mavx512vnni)
set(OCTET_ISA_FLAGS_avx512bf16 ${OCTET_ISA_FLAGS_avx512vnni} -mavx512bf16)
set(OCTET_ISA_FLAGS_amx ${OCTET_ISA_FLAGS_avx512bf16} -mamx-tile -mamx-int8 -mamx-bf16)
function(octet_isa_sources target isa)
  if(NOT OCTET_X86)
    return()
  endif()
  target_sources(${target} PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${OCTET_ISA_FLAGS_${isa}}" SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# octet_schema(NAME FILE): the code that protoc generates from src/FILE.proto, as a library of its own with a system include path,
# since it is not ours to warn about. Included as "FILE.pb.h".
function(octet_schema name file)
  set(generated_dir ${PROJECT_BINARY_DIR}/schema)
  set(generated ${generated_dir}/${file}.pb)
  file(MAKE_DIRECTORY ${generated_dir})
  add_custom_command(
    OUTPUT ${generated}.cc ${generated}.h
    COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR}/src --cpp_out=${generated_dir} ${file}.proto
    DEPENDS ${PROJECT_SOURCE_DIR}/src/${file}.proto
    VERBATIM)
  add_library(${name} STATIC ${generated}.cc ${generated}.h)
  target_include_directories(${name} SYSTEM PUBLIC ${generated_dir})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
  set_target_properties(${name} PROPERTIES OCTET_COMPONENT ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
