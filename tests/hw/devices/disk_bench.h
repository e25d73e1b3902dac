// A bench around one disk: a memory that answers its DMA socket and counts, and
// a medium that remembers what was written. Nothing else of the machine.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <map>
#include <string>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

#include "hw/base/clock.h"
#include "hw/devices/disk.h"

namespace faultline::hw {

inline constexpr uint64_t kFsPerMs = 1000 * kFsPerUs;

// Takes `latency_fs` for each access.
class CountingMemory : public sc_core::sc_module {
 public:
  CountingMemory(sc_core::sc_module_name name, uint64_t latency_fs) : sc_module(name), latency_fs_(latency_fs) {
    socket.register_b_transport(this, &CountingMemory::b_transport);
  }

  tlm_utils::simple_target_socket<CountingMemory> socket{"socket"};
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t bytes = 0;
  uint64_t not_dma = 0;

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    ++(payload.is_write() ? writes : reads);
    bytes += payload.get_data_length();
    if (RequesterExtension::of(payload) != Requester::dma) ++not_dma;
    delay += sc_core::sc_time::from_value(latency_fs_);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }

  uint64_t latency_fs_;
};

// Sectors never written read as their number in every byte.
class FakeMedium : public BlockStorage {
 public:
  bool read(uint64_t sector, std::span<uint8_t> bytes) override {
    if (fails(sector)) return false;
    for (uint64_t i = 0; i < bytes.size(); i += kSectorBytes, ++sector) {
      const auto written = written_.find(sector);
      if (written == written_.end()) {
        std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(i), kSectorBytes, static_cast<uint8_t>(sector));
      } else {
        std::copy(written->second.begin(), written->second.end(), bytes.begin() + static_cast<ptrdiff_t>(i));
      }
    }
    return true;
  }
  bool write(uint64_t sector, std::span<const uint8_t> bytes) override {
    if (fails(sector)) return false;
    for (uint64_t i = 0; i < bytes.size(); i += kSectorBytes, ++sector) {
      const auto from = bytes.subspan(i, kSectorBytes);
      written_[sector].assign(from.begin(), from.end());
    }
    return true;
  }

  uint64_t bad_sector = ~uint64_t{0};  // transfers that begin there fail

 private:
  bool fails(uint64_t sector) const { return sector == bad_sector; }

  std::map<uint64_t, std::vector<uint8_t>> written_;
};

struct DiskBench {
  explicit DiskBench(const DiskConfig& config, uint64_t memory_latency_fs = 0)
      : counting("memory", memory_latency_fs), disk("disk", config, clock, memory, medium) {
    disk.dma().socket().bind(counting.socket);
    disk.on_dma_write([this](PhysAddr address, uint64_t bytes) { dma_writes.emplace_back(address.value, bytes); });
  }

  // Frames first, first + 1, ... from consecutive sectors beginning at `page`.
  DiskRequest request(uint64_t page, uint64_t pages, bool write, std::string name, uint64_t first_frame = 0) {
    DiskRequest request;
    request.sector = page * 8;
    request.write = write;
    for (uint64_t i = 0; i < pages; ++i) request.frames.push_back(Pfn(first_frame + i));
    request.done = [this, name](const TransferOutcome& outcome) {
      ended.push_back({name, outcome.ok(), sc_core::sc_time_stamp().value()});
    };
    return request;
  }
  void read(uint64_t page, uint64_t pages, std::string name = "read") {
    disk.submit(request(page, pages, false, std::move(name)));
  }
  void write(uint64_t page, uint64_t pages, std::string name = "write") {
    disk.submit(request(page, pages, true, std::move(name)));
  }

  static void run_to(uint64_t fs) { sc_core::sc_start(sc_core::sc_time::from_value(fs) - sc_core::sc_time_stamp()); }
  // When the last request that was submitted ended.
  uint64_t run() {
    sc_core::sc_start();
    return ended.back().at_fs;
  }

  struct Ended {
    std::string name;
    bool ok;
    uint64_t at_fs;
    bool operator==(const Ended&) const = default;
  };

  bool resolution_set = (set_time_resolution(), true);
  Clock clock{1000};
  BackingStore memory{4 << 20, PageSize{12}};
  FakeMedium medium;
  CountingMemory counting;
  Disk disk;
  std::vector<Ended> ended;
  std::vector<std::pair<uint64_t, uint64_t>> dma_writes;
};

inline std::ostream& operator<<(std::ostream& out, const DiskBench::Ended& ended) {
  return out << ended.name << (ended.ok ? " ok" : " failed") << " at " << ended.at_fs << " fs";
}

// Round numbers: a turn takes 10 ms, a track holds ten pages (1 ms each), the
// arm takes 1 ms to the next track and 5 ms over ten tracks. 31 tracks. Requests
// are taken one by one, as they come.
inline DiskConfig simple_hdd() {
  DiskConfig config;
  config.kind = DiskKind::hdd;
  config.rpm = 6000;
  config.track_bytes = 40960;
  config.size = 31 * config.track_bytes;
  config.seek_track_us = 1000;
  config.seek_average_us = 5000;
  config.scheduler = DiskScheduler::fifo;
  config.merge = 0;
  return config;
}

// 100 us to read, 10 us to write, 4096 bytes in 4 us.
inline DiskConfig simple_ssd() {
  DiskConfig config;
  config.kind = DiskKind::ssd;
  config.size = 64 << 20;
  config.ssd_read_us = 100;
  config.ssd_write_us = 10;
  config.ssd_bytes_per_us = 1024;
  config.queue_depth = 2;
  config.merge = 0;
  return config;
}

}  // namespace faultline::hw
