// Whole images between memory and the disk. What moves is the image, all of it
// and nothing else, in one transfer.
#include <cerrno>
#include <utility>

#include "hw/devices/block_storage.h"
#include "os/early/image_store.h"

namespace faultline::os::early {

// Swap space is taken when an image begins or grows, so that one that must leave
// always can. An image in memory has nothing there that counts.
bool ImageStore::reserve_slot(Image& image, uint64_t pages) {
  if (image.slot_pages >= pages) return true;
  swap_.give(image.slot, image.slot_pages);
  const std::optional<uint64_t> slot = swap_.find(pages, Placement::first_fit);
  if (!slot) {
    if (image.slot_pages != 0) swap_.take(image.slot, image.slot_pages);
    return false;
  }
  swap_.take(*slot, pages);
  image.slot = *slot;
  image.slot_pages = pages;
  return true;
}

std::vector<Pfn> ImageStore::frames_of(const Image& image) const {
  std::vector<Pfn> frames;
  for (uint64_t i = 0; i < image.pages; ++i) frames.push_back(image.place + i);
  return frames;
}

uint64_t ImageStore::slot_sector(const Image& image) const { return (image.slot << page_.shift) / hw::kSectorBytes; }

bool ImageStore::swap_out(Image& image) {
  const AccountScope scope(cpu_, CycleAccount::pageout);
  if (!transfers_.transfer(slot_sector(image), frames_of(image), true)) return false;
  ++statistics_.swap_outs;
  statistics_.bytes_swapped_out += image.pages << page_.shift;
  vacate(image);
  return true;
}

Result<> ImageStore::bring_in(Image& image) {
  if (image.resident) return Unit{};
  const AccountScope scope(cpu_, CycleAccount::pageout);
  return swap_in(image);
}

Result<> ImageStore::swap_in(Image& image) {
  const std::optional<Pfn> place = room_for(image);
  if (!place) return Errno{ENOMEM};
  const bool same = image.placed && image.place == *place;
  occupy(image, *place);
  if (!transfers_.transfer(slot_sector(image), frames_of(image), false)) {
    vacate(image);
    return Errno{EIO};
  }
  ++statistics_.swap_ins;
  statistics_.bytes_swapped_in += image.pages << page_.shift;
  ++(same ? statistics_.same_place : statistics_.other_place);
  return Unit{};
}

// As early Unix did: out as it is, and in again into more memory. Without base
// registers it stays, and what lies behind it goes.
Result<> ImageStore::resize_through_swap(Image& image, uint64_t pages) {
  if (!relocates()) {
    const uint64_t behind = image.place.value + image.pages;
    if (make_way(image, behind, pages - image.pages) && extend_in_place(image, pages)) return Unit{};
    ++statistics_.refused;
    return Errno{ENOMEM};
  }
  const uint64_t before = image.pages;
  if (!swap_out(image)) return Errno{ENOMEM};
  image.pages = pages;
  const std::optional<Pfn> place = room_for(image);
  image.pages = before;
  if (!place) {
    const Result<> back = swap_in(image);
    return back.ok() ? Errno{ENOMEM} : back.error();
  }
  // There alone, and then longer: what is read is what was written.
  const bool same = image.place == *place;
  memory_.take(place->value + before, pages - before);
  occupy(image, *place);
  const bool good = transfers_.transfer(slot_sector(image), frames_of(image), false);
  if (!good) {
    memory_.give(place->value + before, pages - before);
    vacate(image);
    return Errno{EIO};
  }
  ++statistics_.swap_ins;
  statistics_.bytes_swapped_in += before << page_.shift;
  ++(same ? statistics_.same_place : statistics_.other_place);
  memory_.give(place->value + before, pages - before);
  return extend_in_place(image, pages) ? Result<>(Unit{}) : Errno{ENOMEM};
}

}  // namespace faultline::os::early
