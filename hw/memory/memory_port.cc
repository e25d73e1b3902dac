#include "hw/memory/memory_port.h"

#include <string>

#include "hw/memory/host_float.h"

namespace faultline::hw {

MemoryPort::MemoryPort(const char* name, const Clock& clock)
    : socket_(name), clock_(clock), time_(clock), scratch_(4096) {
  payload_.set_byte_enable_ptr(nullptr);
  payload_.set_byte_enable_length(0);
  payload_.set_extension(&requester_);
}

// The payload would otherwise free the extension, which is not its own.
MemoryPort::~MemoryPort() { payload_.clear_extension(&requester_); }

Cycles MemoryPort::access(PhysAddr address, unsigned bytes, bool write, Requester requester, Cycles now) {
  const uint64_t begun = time_.fs(now);
  return time_.done(now, serve(address, bytes, write, requester, begun) - begun);
}

uint64_t MemoryPort::transport(PhysAddr address, unsigned bytes, bool write, Requester requester, uint64_t at_fs) {
  const HostFloatGuard guard;
  const uint64_t kernel = sc_core::sc_time_stamp().value();
  if (at_fs < kernel) report("an access begins before SystemC's own time");
  sc_core::sc_time delay = sc_core::sc_time::from_value(at_fs - kernel);
  if (bytes > scratch_.size()) scratch_.resize(bytes);
  requester_.requester = requester;
  payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(address.value);
  payload_.set_data_ptr(scratch_.data());
  payload_.set_data_length(bytes);
  payload_.set_streaming_width(bytes);
  payload_.set_dmi_allowed(false);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  socket_->b_transport(payload_, delay);
  if (payload_.get_response_status() != tlm::TLM_OK_RESPONSE) {
    report(payload_.get_response_string() + " for address " + std::to_string(address.value) + ", " +
           std::to_string(bytes) + " bytes");
  }
  const uint64_t done_fs = kernel + delay.value();
  if (done_fs < at_fs) report("a target of the memory side made time run backwards");
  return done_fs;
}

void MemoryPort::report(const std::string& what) const {
  SC_REPORT_ERROR("/faultline/memory", (std::string(socket_.name()) + ": " + what).c_str());
}

std::optional<FlatLatency> MemoryPort::flat_latency(Requester requester) {
  tlm::tlm_dmi dmi;
  requester_.requester = requester;
  payload_.set_command(tlm::TLM_READ_COMMAND);
  payload_.set_address(0);
  payload_.set_data_ptr(scratch_.data());
  payload_.set_data_length(1);
  payload_.set_streaming_width(1);
  if (!socket_->get_direct_mem_ptr(payload_, dmi)) return std::nullopt;
  if (!dmi.is_read_write_allowed() || dmi.get_start_address() != 0) return std::nullopt;
  return FlatLatency{clock_.cycles(dmi.get_read_latency()), clock_.cycles(dmi.get_write_latency())};
}

}  // namespace faultline::hw
