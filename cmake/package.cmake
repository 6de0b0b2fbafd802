# Debian packages, made by scripts/package: octet (the programs, which need no library of ours), liboctet0.1 (the shared
# library) and liboctet-dev (headers, static library, CMake and pkg-config files, examples). All that `octet study` needs
# beside the program, its configurations, the report's page, the peers' worker, is inside it.
set(OCTET_MAINTAINER "Octet maintainers <root@localhost>" CACHE STRING "Who answers for the Debian packages: Name <address>")

set(library_package liboctet${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(programs_package octet)
set(development_package liboctet-dev)

install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${development_package}/examples COMPONENT development
        FILES_MATCHING PATTERN CMakeLists.txt PATTERN *.cc PATTERN *.h PATTERN slurm EXCLUDE)
install(FILES examples/study-quick.toml examples/study-full.toml
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${programs_package}/examples COMPONENT programs)
foreach(component programs library development)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${${component}_package} RENAME copyright COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR Octet)
set(CPACK_PACKAGE_CONTACT "${OCTET_MAINTAINER}")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL programs library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME ${programs_package})
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_RECOMMENDS openmpi-bin)  # mpirun, for more than one rank
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION
    "octet calibrates, runs, measures and compares networks (octet study makes a whole study with its report); giexec is a small front end.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "The shared library, for programs built with liboctet-dev.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${library_package} (= ${PROJECT_VERSION}), libfmt-dev, libprotobuf-dev, libxxhash-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, static library, CMake package, pkg-config file and examples.")
include(CPack)
