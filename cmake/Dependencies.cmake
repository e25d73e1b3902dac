# Everything comes from Debian 12 packages; `./dev` installs them.
find_path(SYSTEMC_INCLUDE_DIR systemc REQUIRED)
find_library(SYSTEMC_LIBRARY systemc REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(nlohmann_json REQUIRED)

# Debian's libsystemc is built as C++17; its link-time check of the language
# version must be told so, or sc_api_version_2_3_4 is not found.
add_library(faultline_systemc INTERFACE)
target_include_directories(faultline_systemc SYSTEM INTERFACE ${SYSTEMC_INCLUDE_DIR})
target_link_libraries(faultline_systemc INTERFACE ${SYSTEMC_LIBRARY})
target_compile_definitions(faultline_systemc INTERFACE SC_CPLUSPLUS=201703L)
