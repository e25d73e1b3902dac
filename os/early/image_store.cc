#include "os/early/image_store.h"

#include <algorithm>
#include <cerrno>

#include "hw/devices/block_storage.h"

namespace faultline::os::early {

namespace {

uint64_t swap_pages(const OsConfig& config, uint64_t disk_sectors, PageSize page) {
  return std::min(config.swap.size, disk_sectors * hw::kSectorBytes) >> page.shift;
}

}  // namespace

ImageStore::ImageStore(Cpu& cpu, uint64_t disk_sectors, hw::RelocationUnit& registers, FileReader& transfers,
                       const OsConfig& config, Statistics& statistics)
    : cpu_(cpu),
      registers_(registers),
      transfers_(transfers),
      config_(config.early),
      statistics_(statistics),
      page_(cpu.memory().page()),
      first_frame_(page_.pages(config.early.resident)),
      memory_(first_frame_.value, cpu.memory().frames()),
      swap_(0, swap_pages(config, disk_sectors, page_)),
      swap_total_(swap_.free_units()) {
  if (!relocates()) registers_.set_fence(first_frame_);
}

// --- where a program's bytes are -------------------------------------------------

PhysAddr ImageStore::physical(const Image& image, uint64_t address) const {
  return page_.address(image.place) + (address - page_.address(image.begin).value);
}

std::optional<PhysAddr> ImageStore::user_range(const Image& image, uint64_t address, uint64_t bytes) const {
  const uint64_t begin = relocates() ? 0 : page_.address(first_frame_).value;
  const uint64_t end = relocates() ? image.pages << page_.shift : cpu_.memory().size();
  if (address < begin || address > end || bytes > end - address) return std::nullopt;
  return relocates() ? physical(image, address) : PhysAddr(address);
}

void ImageStore::load_registers(const Image& image) {
  if (relocates()) registers_.set_base_and_bounds(image.place, image.pages);
}

Layout ImageStore::layout() const {
  return {.holes = memory_.holes(),
          .free_bytes = memory_.free_units() << page_.shift,
          .largest_hole = memory_.largest() << page_.shift};
}

bool ImageStore::could_hold(const Image& image) const {
  const uint64_t begin = relocates() ? first_frame_.value : image.begin.value;
  return begin >= first_frame_.value && begin < end_frame() && image.pages <= end_frame() - begin;
}

// --- taking and giving back ------------------------------------------------------

void ImageStore::occupy(Image& image, Pfn place) {
  memory_.take(place.value, image.pages);
  image.place = place;
  image.placed = image.resident = true;
  resident_pages_ += image.pages;
  ++resident_images_;
  statistics_.peak_images = std::max(statistics_.peak_images, resident_images_);
  statistics_.peak_bytes = std::max(statistics_.peak_bytes, resident_pages_ << page_.shift);
}

void ImageStore::vacate(Image& image) {
  memory_.give(image.place.value, image.pages);
  image.resident = false;
  resident_pages_ -= image.pages;
  --resident_images_;
}

void ImageStore::zero(Pfn first, uint64_t pages) {
  cpu_.zero_frames(first, pages);
  statistics_.zeroed_pages += pages;
}

Result<> ImageStore::create(Image& image) {
  if (!could_hold(image) || (config_.swapping && !reserve_slot(image, image.pages))) {
    ++statistics_.refused;
    return Errno{ENOMEM};
  }
  images_.push_back(&image);
  const std::optional<Pfn> place = room_for(image);
  if (!place) {
    ++statistics_.refused;
    release(image);
    return Errno{ENOMEM};
  }
  occupy(image, *place);
  // What the last owner left is nobody's business.
  zero(*place, image.pages);
  return Unit{};
}

void ImageStore::release(Image& image) {
  std::erase(images_, &image);
  if (image.resident) vacate(image);
  swap_.give(image.slot, image.slot_pages);
  image.slot_pages = 0;
}

// --- room ------------------------------------------------------------------------

std::optional<Pfn> ImageStore::room_for(const Image& image) {
  return relocates() ? any_room(image) : fixed_room(image);
}

std::optional<Pfn> ImageStore::fixed_room(const Image& image) {
  if (!make_way(image, image.begin.value, image.pages)) return std::nullopt;
  return Pfn(image.begin.value);
}

// Swaps out whatever lies in these frames but the image itself.
bool ImageStore::make_way(const Image& for_image, uint64_t first, uint64_t pages) {
  if (memory_.is_free(first, pages)) return true;
  if (!config_.swapping) return false;
  for (Image* other : images_) {
    const bool apart = other->place.value + other->pages <= first || first + pages <= other->place.value;
    if (other == &for_image || !other->resident || apart) continue;
    if (!swap_out(*other)) return false;
  }
  return memory_.is_free(first, pages);
}

std::optional<Pfn> ImageStore::any_room(const Image& image) {
  bool in_pieces = false;
  for (;;) {
    if (const std::optional<uint64_t> hole = memory_.find(image.pages, config_.placement)) return Pfn(*hole);
    if (memory_.free_units() >= image.pages) {
      if (!in_pieces) ++statistics_.fragmented;
      in_pieces = true;
      if (config_.compaction) {
        compact(nullptr);
        continue;
      }
    }
    Image* const victim = config_.swapping ? longest_unused(image) : nullptr;
    if (victim == nullptr || !swap_out(*victim)) return std::nullopt;
  }
}

Image* ImageStore::longest_unused(const Image& but) const {
  Image* oldest = nullptr;
  for (Image* image : images_) {
    if (image == &but || !image->resident) continue;
    if (oldest == nullptr || image->last_run < oldest->last_run) oldest = image;
  }
  return oldest;
}

// --- moving ----------------------------------------------------------------------

void ImageStore::move(Image& image, Pfn to) {
  const Pfn from = image.place;
  if (from == to) return;
  // Where the two overlap, the end that is written first must have been read.
  for (uint64_t i = 0; i < image.pages; ++i) {
    const uint64_t page = to < from ? i : image.pages - 1 - i;
    cpu_.copy_frame(to + page, from + page);
  }
  memory_.give(from.value, image.pages);
  memory_.take(to.value, image.pages);
  image.place = to;
  ++statistics_.moves;
  statistics_.bytes_moved += image.pages << page_.shift;
}

void ImageStore::compact(const Image* growing) {
  const AccountScope scope(cpu_, CycleAccount::pageout);
  ++statistics_.compactions;
  std::vector<Image*> in_order;
  for (Image* image : images_) {
    if (image->resident) in_order.push_back(image);
  }
  std::sort(in_order.begin(), in_order.end(), [](const Image* a, const Image* b) { return a->place < b->place; });
  size_t down = 0;
  uint64_t low = first_frame_.value;
  for (bool last = false; down < in_order.size() && !last; ++down) {
    last = in_order[down] == growing;
    move(*in_order[down], Pfn(low));
    low += in_order[down]->pages;
  }
  uint64_t high = end_frame();
  for (size_t up = in_order.size(); up-- > down;) {
    high -= in_order[up]->pages;
    move(*in_order[up], Pfn(high));
  }
}

// --- growing ---------------------------------------------------------------------

bool ImageStore::extend_in_place(Image& image, uint64_t pages) {
  const uint64_t behind = image.place.value + image.pages;
  const uint64_t more = pages - image.pages;
  if (!memory_.is_free(behind, more)) return false;
  memory_.take(behind, more);
  zero(Pfn(behind), more);
  image.pages = pages;
  resident_pages_ += more;
  statistics_.peak_bytes = std::max(statistics_.peak_bytes, resident_pages_ << page_.shift);
  return true;
}

// With base registers: in place, in another hole, or with the others out of the way.
bool ImageStore::extend(Image& image, uint64_t pages) {
  if (extend_in_place(image, pages)) return true;
  if (!relocates()) return false;
  if (const std::optional<uint64_t> hole = memory_.find(pages, config_.placement)) {
    const AccountScope scope(cpu_, CycleAccount::pageout);
    move(image, Pfn(*hole));
    return extend_in_place(image, pages);
  }
  if (memory_.free_units() < pages - image.pages) return false;
  ++statistics_.fragmented;
  if (!config_.compaction) return false;
  compact(&image);
  return extend_in_place(image, pages);
}

Result<> ImageStore::resize(Image& image, uint64_t pages) {
  if (pages == image.pages) return Unit{};
  if (pages < image.pages) {
    memory_.give(image.place.value + pages, image.pages - pages);
    resident_pages_ -= image.pages - pages;
    image.pages = pages;
    return Unit{};
  }
  Image larger = image;
  larger.pages = pages;
  if (!could_hold(larger) || (config_.swapping && !reserve_slot(image, pages))) {
    ++statistics_.refused;
    return Errno{ENOMEM};
  }
  if (extend(image, pages)) return Unit{};
  if (config_.swapping) return resize_through_swap(image, pages);
  ++statistics_.refused;
  return Errno{ENOMEM};
}

}  // namespace faultline::os::early
