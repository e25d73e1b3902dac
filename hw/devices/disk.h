// A disk: a queue of requests, a head that must get there (or flash that need
// not), and DMA into modelled memory through the bus.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <vector>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/devices/block_storage.h"
#include "hw/config/machine_config.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_port.h"

namespace faultline::hw {

struct DiskRequest {
  uint64_t sector = 0;
  // The frames that the transfer fills or empties, in order, one page each.
  std::vector<Pfn> frames;
  bool write = false;
  // Called on the disk's own thread when the transfer has ended; must not wait.
  std::function<void(bool ok)> done;
};

struct DiskStatistics {
  uint64_t reads = 0;          // requests
  uint64_t writes = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  uint64_t errors = 0;
  uint64_t busy_fs = 0;        // time with at least one request in service
};

SC_MODULE(Disk) {
 public:
  Disk(sc_core::sc_module_name name, const DiskConfig& config, const Clock& clock, BackingStore& memory,
       BlockStorage& storage);

  MemoryPort& dma() { return dma_; }

  // Queues a request at the current SystemC time. The caller must have brought
  // SystemC time up to its own (Hart::synchronise).
  void submit(DiskRequest request);

  // When the next completion is due, if any request is in service.
  const DiskStatistics& statistics() const { return statistics_; }
  uint64_t queued() const;

 private:
  DiskConfig config_;
  MemoryPort dma_;
  DiskStatistics statistics_;
};

}  // namespace faultline::hw
