#include "loader/page_plan.h"

#include <algorithm>

namespace faultline::loader {
namespace {

void permit(PageRange& range, const Segment& segment) {
  range.read |= segment.read;
  range.write |= segment.write;
  range.execute |= segment.execute;
}

class Planner {
 public:
  explicit Planner(PageSize page) : page_(page) {}

  void add(const Segment& segment) {
    const uint64_t begin = std::max(meet_the_last(segment), page_.round_down(segment.address.value));
    const uint64_t end = page_.round_up(segment.end().value);
    const uint64_t file_end = segment.file_bytes ? page_.round_up(segment.address.value + segment.file_bytes) : begin;
    if (begin < file_end) add_file_part(segment, begin, file_end);
    if (std::max(begin, file_end) < end) add_range(segment, std::max(begin, file_end), end, PageSource::zero);
  }

  std::vector<PageRange> ranges() && { return std::move(ranges_); }

 private:
  // Where what is planned ends, once a page that the segment has in common
  // with it belongs to the right one.
  uint64_t meet_the_last(const Segment& segment) {
    if (ranges_.empty() || segment.address >= ranges_.back().end()) return 0;
    if (page_.bytes() > kLinkedPageBytes) {
      fill_last_page();
      permit(ranges_.back(), segment);
      return ranges_.back().end().value;
    }
    const PageRange last = split_last_page();
    return last.begin.value;
  }

  // Takes the last page off the plan.
  PageRange split_last_page() {
    PageRange last = ranges_.back();
    PageRange& before = ranges_.back();
    before.bytes -= page_.bytes();
    before.file_length = std::min(before.file_length, before.bytes);
    before.zero_tail = false;
    if (before.bytes == 0) ranges_.pop_back();
    last.begin = last.begin + (last.bytes - page_.bytes());
    last.bytes = page_.bytes();
    return last;
  }

  void fill_last_page() {
    PageRange last = split_last_page();
    last.source = PageSource::filled;
    last.file_offset = last.file_length = 0;
    last.zero_tail = false;
    ranges_.push_back(last);
  }

  void add_file_part(const Segment& segment, uint64_t begin, uint64_t end) {
    const bool mappable = ((segment.file_offset ^ segment.address.value) & page_.mask()) == 0;
    PageRange& range = add_range(segment, begin, end, mappable ? PageSource::file : PageSource::filled);
    if (!mappable) return;
    range.file_offset = segment.file_offset + (begin - segment.address.value);
    range.file_length = segment.address.value + segment.file_bytes - begin;
    // Where the program itself may not write, the rest of the page keeps the
    // file's bytes, as on Linux.
    range.zero_tail = segment.memory_bytes > segment.file_bytes && segment.write && range.file_length < range.bytes;
  }

  PageRange& add_range(const Segment& segment, uint64_t begin, uint64_t end, PageSource source) {
    PageRange range{.begin = VirtAddr(begin), .bytes = end - begin, .source = source};
    permit(range, segment);
    return ranges_.emplace_back(range);
  }

  PageSize page_;
  std::vector<PageRange> ranges_;
};

}  // namespace

std::vector<PageRange> plan_pages(const std::vector<Segment>& segments, PageSize page) {
  Planner planner(page);
  for (const Segment& segment : segments) planner.add(segment);
  return std::move(planner).ranges();
}

std::vector<Piece> pieces_of(const PageRange& range, const std::vector<Segment>& segments) {
  std::vector<Piece> pieces;
  for (const Segment& segment : segments) {
    const uint64_t begin = std::max(range.begin.value, segment.address.value);
    const uint64_t end = std::min(range.end().value, segment.address.value + segment.file_bytes);
    if (begin >= end) continue;
    pieces.push_back({VirtAddr(begin), {segment.file_offset + (begin - segment.address.value), end - begin}});
  }
  return pieces;
}

}  // namespace faultline::loader
