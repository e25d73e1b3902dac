// The terminal of the session that the run was started in: its settings, and
// who may use it. See ioctl_tty(2), setpgid(2), termios(3).
#pragma once

#include <cstdint>

#include "os/process/process.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;

// struct termios of the kernel (asm-generic/termbits.h), as a fresh line
// discipline has it: cooked, echoing, 38400 baud. What a program sets is kept
// and told again; but for kStopOutput it is without effect, since the host's
// terminal is not the guest's.
struct TerminalSettings {
  static constexpr uint32_t kStopOutput = 0x100;  // TOSTOP

  uint32_t input = 0x500;   // ICRNL | IXON
  uint32_t output = 0x5;    // OPOST | ONLCR
  uint32_t control = 0xbf;  // B38400 | CS8 | CREAD
  uint32_t local = 0x8a3b;  // ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
  uint8_t line = 0;
  uint8_t characters[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};
};
static_assert(sizeof(TerminalSettings) == 36);

// It is the process's controlling terminal.
bool has_terminal(const Process& process);

enum class TerminalUse : uint8_t { read, write, change };

// A process in the background that would use its terminal so is stopped, with
// its group, unless it has arranged otherwise: kRestartSys. EIO where nobody
// could start it again, or it does not want to hear of SIGTTIN.
Result<> check_foreground(Kernel& kernel, Task& task, TerminalUse use);

}  // namespace faultline::os
