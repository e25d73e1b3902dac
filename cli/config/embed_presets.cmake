# Writes OUTPUT, a C++ file with the text of every TOML file in FOLDER.
#   cmake -DFOLDER=... -DOUTPUT=... -P embed_presets.cmake
file(GLOB files ${FOLDER}/*.toml)
list(SORT files)
set(code "// Made by embed_presets.cmake from workloads/machines.\n#include <array>\n\n#include \"cli/config/presets.h\"\n\nnamespace faultline::cli {\n\n")
string(APPEND code "std::span<const Preset> presets() {\n  static constexpr auto kPresets = std::to_array<Preset>({\n")
foreach(path IN LISTS files)
  get_filename_component(name ${path} NAME_WE)
  file(READ ${path} text)
  string(APPEND code "      {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
string(APPEND code "  });\n  return kPresets;\n}\n\n}  // namespace faultline::cli\n")
file(WRITE ${OUTPUT} "${code}")
