// A hard disk: an arm that seeks, platters that turn, and a track buffer.
//
// Layout: sectors lie one after the other on tracks of track_bytes, tracks one
// after the other across the stroke. Each track begins later in the turn than
// the one before, by the time of a seek to the next track (its skew), so that a
// transfer which runs on finds the first sector just as the arm has settled.
//
// Seek over d tracks, of D = tracks - 1 in all:
//
//   seek(0) = 0
//   seek(d) = track + (average - track) * sqrt((d - 1) / (D/3 - 1))
//
// An arm that speeds up for half the way and slows down for the other half takes
// time as the root of the distance (C. Ruemmler and J. Wilkes, "An introduction
// to disk drive modeling", IEEE Computer 27(3), 1994, which adds a linear part
// for long seeks; it is left out here because no data sheet gives it). A third
// of the stroke is the mean distance of two random tracks, where data sheets
// state their average.
//
// Rotation: at time t every platter has turned by t mod 60 s / rpm.
//
// Track buffer: after a read the drive goes on reading to the end of the track
// into memory of its own, as long as nothing else is asked. A read of what has
// passed under the head by then costs no rotation; without it, every program
// that thinks for a moment between two sequential reads would pay a whole turn.
// The time on the cable is not modelled.
#pragma once

#include <cstdint>
#include <optional>

#include "hw/devices/disk_mechanism.h"

namespace faultline::hw {

class HddMechanism final : public DiskMechanism {
 public:
  explicit HddMechanism(const DiskConfig& config);

  uint32_t slots() const override { return 1; }
  DiskService serve(uint64_t now_fs, const DiskTransfer& transfer) override;
  std::optional<uint64_t> position() const override { return next_sector_; }

  uint64_t seek_fs(uint64_t tracks) const;
  uint64_t turn_fs() const { return turn_fs_; }

 private:
  // Sectors that the drive reads on its own, to the end of the track.
  struct ReadAhead {
    uint64_t begin;     // byte of the disk
    uint64_t begin_fs;  // when `begin` came under the head
    uint64_t end;       // of the track
  };

  // When the byte `offset` of a track comes by, counted from the track's first.
  uint64_t along_track_fs(uint64_t offset) const;
  uint64_t rotation_fs(uint64_t now_fs, uint64_t track, uint64_t offset) const;
  uint64_t read_ahead_reaches_fs(uint64_t byte) const;
  // Moves the arm and transfers, from `now_fs`; adds to `service`.
  void transfer(uint64_t now_fs, uint64_t byte, uint64_t bytes, DiskService& service);
  // False when the first byte is not in the track buffer.
  bool serve_from_buffer(uint64_t now_fs, uint64_t byte, uint64_t bytes, DiskService& service);

  uint64_t track_bytes_;
  uint64_t tracks_;
  uint64_t turn_fs_;
  uint64_t seek_track_fs_;
  uint64_t seek_average_fs_;
  bool track_buffer_;
  uint64_t track_ = 0;        // under the head
  uint64_t next_sector_ = 0;  // behind the last transfer
  std::optional<ReadAhead> read_ahead_;
};

}  // namespace faultline::hw
