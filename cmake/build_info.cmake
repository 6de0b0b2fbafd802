# Writes build_info.cc whenever the commit or the state of the tree has changed; run at each build (see src/api/CMakeLists.txt).
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE OCTET_REVISION
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT OCTET_REVISION)
  set(OCTET_REVISION unknown)
endif()
configure_file(${SOURCE_DIR}/src/api/build_info.cc.in ${OUTPUT} @ONLY)  # leaves the file alone if nothing changed
