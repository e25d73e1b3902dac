# Programs without a C library (guest/early), for machines without paging.
#
#   faultline_early(NAME SOURCE [FLAG ...])      one program for RISC-V
#   faultline_early_places(NAME SOURCE)          NAME, linked at 64 KB, where the fence is, so that it runs
#                                                below page tables too; NAME_base, linked at 0, where a
#                                                base register begins; and native/NAME, to compare with
set(EARLY_DIR ${CMAKE_CURRENT_SOURCE_DIR}/guest/early)
set(EARLY_COMMON ${EARLY_DIR}/early.c ${EARLY_DIR}/system.c)
set(EARLY_NEEDS ${EARLY_COMMON} ${EARLY_DIR}/early.h ${EARLY_DIR}/overlay.ld)
set(EARLY_FLAGS -std=gnu11 -O2 -Wall -Wextra -ffreestanding -fno-builtin -fno-stack-protector -fno-pic -no-pie -nostdlib
    -static -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,--no-warn-rwx-segments)

function(faultline_early name source)
  add_custom_command(
    OUTPUT ${GUEST_DIR}/${name}
    COMMAND ${GUEST_CC} ${EARLY_FLAGS} ${ARGN} ${EARLY_DIR}/${source} ${EARLY_COMMON} -o ${GUEST_DIR}/${name}
    DEPENDS ${EARLY_DIR}/${source} ${EARLY_NEEDS}
    COMMENT "Guest program ${name}"
    VERBATIM)
  set(GUEST_PROGRAMS ${GUEST_PROGRAMS} ${GUEST_DIR}/${name} PARENT_SCOPE)
endfunction()

function(faultline_early_places name source)
  faultline_early(${name} ${source} -Wl,-Ttext-segment=0x10000)
  faultline_early(${name}_base ${source} -Wl,-Ttext-segment=0)
  add_custom_command(
    OUTPUT ${GUEST_DIR}/native/${name}
    COMMAND ${NATIVE_CC} -std=gnu11 -O2 -Wall -Wextra ${EARLY_DIR}/${source} ${EARLY_COMMON}
            -o ${GUEST_DIR}/native/${name}
    DEPENDS ${EARLY_DIR}/${source} ${EARLY_NEEDS}
    COMMENT "Native program ${name}"
    VERBATIM)
  set(GUEST_PROGRAMS ${GUEST_PROGRAMS} ${GUEST_DIR}/native/${name} ${GUEST_DIR}/${name} ${GUEST_DIR}/${name}_base
      PARENT_SCOPE)
endfunction()

faultline_early_places(early_fence fence.c)
faultline_early_places(early_moved moved.c)
faultline_early_places(early_swapping swapping.c)
# The overlays, by hand, and the same program in one piece.
faultline_early_places(early_flat overlay_tree.c)
foreach(place fence=0x10000 base=0)
  string(REPLACE "=" ";" parts ${place})
  list(GET parts 0 kind)
  list(GET parts 1 address)
  faultline_early(early_overlay_${kind} overlay_tree.c -DOVERLAYS -Wl,-T,${EARLY_DIR}/overlay.ld
                  -Wl,--defsym=link_address=${address} -Wl,--no-check-sections -Wl,--no-warnings)
endforeach()
# It knows no host: RISC-V alone.
faultline_early(early_hostile hostile.c -Wl,-Ttext-segment=0x10000)
faultline_early(early_hostile_base hostile.c -Wl,-Ttext-segment=0)
