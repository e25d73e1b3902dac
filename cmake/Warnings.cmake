# Compiler settings that every target shares.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-unused-parameter)

# Release means: optimised, and the cheap checks at borders stay in (no NDEBUG).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

if(FAULTLINE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  # For every program with SystemC in it.
  set(SANITIZER_SOURCES ${PROJECT_SOURCE_DIR}/cmake/sanitizer_fibers.cc)
endif()
