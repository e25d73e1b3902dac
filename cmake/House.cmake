# One target a folder, and a target sees only the folders that it links: each
# gets an include root of its own in the build tree that holds a link to its
# folder and nothing else.
#
#   faultline_library(NAME FOLDER hw/memory SOURCES a.cc b.cc LINKS faultline_base ...)
function(faultline_library name)
  cmake_parse_arguments(LIB "" "FOLDER" "SOURCES;LINKS" ${ARGN})
  set(root ${PROJECT_BINARY_DIR}/include/${name})
  get_filename_component(parent ${LIB_FOLDER} DIRECTORY)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${LIB_FOLDER} ${root}/${LIB_FOLDER} SYMBOLIC)
  if(LIB_SOURCES)
    add_library(${name} STATIC ${LIB_SOURCES})
    target_include_directories(${name} PUBLIC ${root})
    target_link_libraries(${name} PUBLIC ${LIB_LINKS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${root})
    target_link_libraries(${name} INTERFACE ${LIB_LINKS})
  endif()
endfunction()
