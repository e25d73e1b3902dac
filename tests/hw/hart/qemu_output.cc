#include "qemu_output.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "code_generator.h"
#include "random_code.h"

namespace faultline::hw {
namespace {

uint64_t word(const std::string& bytes, size_t at) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

}  // namespace

std::string run_qemu(const std::vector<uint8_t>& image, const std::string& name) {
  const std::string path = testing::TempDir() + name + "_" + std::to_string(getpid()) + ".elf";
  const std::vector<uint8_t> elf = make_elf(image);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(elf.data()), static_cast<std::streamsize>(elf.size()));
  chmod(path.c_str(), 0755);
  std::string output;
  FILE* pipe = popen(("qemu-riscv64 " + path).c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  pclose(pipe);
  unlink(path.c_str());
  return output;
}

std::string dump_difference(const std::string& ours, const std::string& theirs) {
  if (ours.size() != theirs.size()) {
    return "sizes " + std::to_string(ours.size()) + " and " + std::to_string(theirs.size());
  }
  for (size_t at = 0; at < ours.size(); at += 8) {
    if (word(ours, at) == word(theirs, at)) continue;
    const size_t field = at % kDumpBytes / 8;
    std::ostringstream out;
    out << "program " << at / kDumpBytes << ", ";
    if (field < 32) out << 'x' << field;
    if (field == 32) out << "fcsr";
    if (field > 32) out << 'f' << field - 33;
    out << ": " << std::hex << word(ours, at) << ", qemu has " << word(theirs, at);
    return out.str();
  }
  return "";
}

}  // namespace faultline::hw
