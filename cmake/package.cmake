# Debian packages, made by scripts/package: octet (the programs, which need no library of ours), liboctet0.1 (the shared
# library) and liboctet-dev (headers, static library, CMake and pkg-config files, examples). All that `octet study` needs
# beside the program, its configurations, the report's page, the peers' worker, is inside it.

# Who answers for a package is whoever makes it, and says so as for Debian's own tools (dch, debuild).
set(OCTET_MAINTAINER "" CACHE STRING "Maintainer of the Debian packages: Name <address>; empty: by DEBFULLNAME and DEBEMAIL")
if(OCTET_MAINTAINER)
  set(maintainer "${OCTET_MAINTAINER}")
elseif(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
  set(maintainer "made on this machine <root@localhost>")
endif()

set(library_package liboctet${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(programs_package octet)
set(development_package liboctet-dev)

set(documents ${CMAKE_INSTALL_DATAROOTDIR}/doc)
set(components library development)
if(OCTET_BUILD_PROGRAMS)
  list(PREPEND components programs)
endif()
foreach(component IN LISTS components)
  install(FILES cmake/debian/copyright DESTINATION ${documents}/${${component}_package} COMPONENT ${component})
endforeach()
install(DIRECTORY examples/ DESTINATION ${documents}/${development_package}/examples COMPONENT development
        FILES_MATCHING PATTERN CMakeLists.txt PATTERN *.cc PATTERN *.h PATTERN slurm EXCLUDE)
if(OCTET_BUILD_PROGRAMS)
  install(FILES examples/study-quick.toml examples/study-full.toml DESTINATION ${documents}/${programs_package}/examples COMPONENT programs)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
  foreach(page octet.1 giexec.1)  # compressed as Debian's policy wants them, the same bytes whenever that is
    file(ARCHIVE_CREATE OUTPUT ${PROJECT_BINARY_DIR}/man/${page}.gz PATHS ${PROJECT_SOURCE_DIR}/cmake/debian/${page} FORMAT raw COMPRESSION GZip
         MTIME "1970-01-01")
    install(FILES ${PROJECT_BINARY_DIR}/man/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
  endforeach()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR Octet)
set(CPACK_PACKAGE_CONTACT "${maintainer}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has a first line of its own
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Whatever the umask of who makes the packages.
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME ${programs_package})
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_RECOMMENDS openmpi-bin)  # mpirun, for more than one rank
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION "INT8 inference of convolutional networks on CPUs
octet calibrates, builds, runs, checks, measures and compares networks in
FP32, BF16 and integers; octet study makes a whole study with its report.
giexec is a small front end.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")  # a later 0.1.x serves too
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "INT8 inference of convolutional networks on CPUs - shared library
For programs that were built with liboctet-dev.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${library_package} (= ${PROJECT_VERSION}), libfmt-dev, libprotobuf-dev, libxxhash-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS libpng-dev)  # two of the examples read PNG files
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "INT8 inference of convolutional networks on CPUs - development files
Headers, static library, CMake package, pkg-config file and examples.")
if(PROJECT_IS_TOP_LEVEL)
  include(CPack)
endif()
