// A disk: a queue of requests, a head that must get there (or flash that need
// not), and DMA into modelled memory through the bus.
//
// A request's life: submit() queues it; as soon as the mechanism has a free slot
// it is in service, alone or with neighbours in one transfer, and its end is
// known; at that moment the bytes move between BlockStorage and memory, frame by
// frame, and `done` is called. A page that the medium refuses takes its time
// like the others.
//
// The DMA's own accesses to memory are spread over the transfer, a page at a
// time, and posted: they take the bus and DRAM for their time, but the request
// does not wait for them. The bytes themselves move at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <systemc>
#include <utility>
#include <vector>

#include "hw/base/clock.h"
#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/devices/block_storage.h"
#include "hw/devices/disk_mechanism.h"
#include "hw/devices/disk_request.h"
#include "hw/devices/request_queue.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_port.h"

namespace faultline::hw {

struct DiskStatistics {
  uint64_t reads = 0;  // transfers that ended, failed ones included
  uint64_t writes = 0;
  uint64_t merged = 0;         // requests that went with a neighbour's transfer
  uint64_t bytes_read = 0;     // that reached memory
  uint64_t bytes_written = 0;  // that reached the medium
  uint64_t errors = 0;         // transfers that failed, as a whole or in part
  uint64_t failed_pages = 0;   // pages of them that did not move
  uint64_t busy_fs = 0;        // time with at least one request in service
  // Of the requests taken up, summed over all of them (they overlap on an SSD).
  uint64_t seek_fs = 0;
  uint64_t rotation_fs = 0;
  uint64_t transfer_fs = 0;
  uint64_t queued_peak = 0;  // the most that were submitted and not yet done
};

SC_MODULE(Disk) {
 public:
  // Throws std::invalid_argument, one line that names the key, on a
  // configuration that cannot be. Memory and storage must outlive the disk.
  Disk(sc_core::sc_module_name name, const DiskConfig& config, const Clock& clock, BackingStore& memory,
       BlockStorage& storage);

  // Bound by whoever builds the machine.
  MemoryPort& dma() { return dma_; }

  // `listener` is called after the disk has changed bytes of memory, so that
  // caches can drop their tags; before the request's `done`.
  void on_dma_write(std::function<void(PhysAddr, uint64_t bytes)> listener) {
    dma_listeners_.push_back(std::move(listener));
  }

  // Queues a request at the current SystemC time; `done` is never called from
  // here. The caller must have brought SystemC time up to its own
  // (Hart::synchronise). A request beyond the end of the disk or of memory ends
  // at once with an error.
  void submit(DiskRequest request);

  // The same for a caller whose own clock has come to `at_fs` and who cannot wait
  // until SystemC's has: the request is queued then. Of requests for one moment
  // the one that came first is.
  void submit_at(uint64_t at_fs, DiskRequest request);

  // When the next request in service ends; nothing when none is.
  std::optional<sc_core::sc_time> next_completion() const;

  // Requests submitted and not yet done.
  uint64_t queued() const { return later_.size() + waiting_.size() + in_service_.size(); }
  uint64_t sectors() const { return config_.size / kSectorBytes; }
  // Up to the current SystemC time.
  DiskStatistics statistics() const;

 private:
  struct InService {
    std::vector<DiskRequest> requests;  // in order of place
    std::vector<Pfn> frames;            // of all of them
    bool valid;
    uint64_t end_fs;
    uint64_t transfer_fs;
    uint64_t pages_passed = 0;  // whose DMA was posted

    // When the next page has passed, or else the end.
    uint64_t next_step_fs() const;
  };
  // By the moment of the next step and then by number, so that requests which
  // end together are done in the order in which they were taken up.
  using ServiceKey = std::pair<uint64_t, uint64_t>;

  void run();
  uint64_t next_moment_fs() const;
  void take_up();
  void step(uint64_t number, InService service);
  void complete(InService service);
  bool valid(const DiskRequest& request) const;
  TransferOutcome move(const DiskRequest& request);
  bool fill(Pfn frame, uint64_t sector);   // from the medium
  bool drain(Pfn frame, uint64_t sector);  // to the medium
  void post_dma(Pfn frame, bool write);

  DiskConfig config_;
  const Clock& clock_;
  BackingStore& memory_;
  BlockStorage& storage_;
  MemoryPort dma_;
  std::unique_ptr<DiskMechanism> mechanism_;
  std::vector<std::function<void(PhysAddr, uint64_t)>> dma_listeners_;

  std::multimap<uint64_t, DiskRequest> later_;  // by the moment to queue them at
  RequestQueue waiting_;
  std::map<ServiceKey, InService> in_service_;
  uint64_t taken_up_ = 0;  // requests ever, the number of the next
  uint64_t busy_since_fs_ = 0;
  sc_core::sc_event submitted_;
  DiskStatistics statistics_;
};

}  // namespace faultline::hw
