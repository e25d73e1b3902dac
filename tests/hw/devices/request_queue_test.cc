// The order in which waiting requests are taken, worked out by hand. A page is
// eight sectors; requests are named by their first page.
#include "hw/devices/request_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace faultline::hw {
namespace {

using testing::ElementsAre;

class Queue {
 public:
  explicit Queue(DiskScheduler scheduler = DiskScheduler::elevator, uint32_t merge = 0)
      : queue_(config(scheduler, merge), PageSize{12}) {}

  void add(uint64_t page, uint64_t pages = 1, bool write = false) {
    DiskRequest request;
    request.sector = page * 8;
    request.frames.resize(pages);
    request.write = write;
    queue_.add(std::move(request));
  }
  // First pages of what is taken next, the head standing at `head`.
  std::vector<uint64_t> take(std::optional<uint64_t> head) {
    if (head) *head *= 8;
    std::vector<uint64_t> pages;
    for (const DiskRequest& request : queue_.take(head)) pages.push_back(request.sector / 8);
    return pages;
  }
  // All that is there, one after the other: the head follows what it does.
  std::vector<uint64_t> drain(uint64_t head) {
    std::vector<uint64_t> order;
    while (!queue_.empty()) {
      for (const DiskRequest& request : queue_.take(head * 8)) {
        order.push_back(request.sector / 8);
        head = request.sector / 8 + request.frames.size();
      }
    }
    return order;
  }

 private:
  static DiskConfig config(DiskScheduler scheduler, uint32_t merge) {
    DiskConfig config;
    config.scheduler = scheduler;
    config.merge = merge;
    return config;
  }

  RequestQueue queue_;
};

// The textbook's queue (Silberschatz, Galvin and Gagne, "Operating System
// Concepts": 98 183 37 122 14 124 65 67 with the head at 53), taken by C-LOOK.
TEST(RequestQueue, ElevatorGoesUpAndBeginsAgain) {
  Queue queue;
  for (const uint64_t page : {98, 183, 37, 122, 14, 124, 65, 67}) queue.add(page);
  EXPECT_THAT(queue.drain(53), ElementsAre(65, 67, 98, 122, 124, 183, 14, 37));
}

TEST(RequestQueue, FifoKeepsTheOrder) {
  Queue queue(DiskScheduler::fifo);
  for (const uint64_t page : {98, 183, 37, 122, 14, 124, 65, 67}) queue.add(page);
  EXPECT_THAT(queue.drain(53), ElementsAre(98, 183, 37, 122, 14, 124, 65, 67));
}

TEST(RequestQueue, WithoutAHeadTheElevatorKeepsTheOrderToo) {
  Queue queue;
  for (const uint64_t page : {98, 183, 37}) queue.add(page);
  EXPECT_THAT(queue.take(std::nullopt), ElementsAre(98));
  EXPECT_THAT(queue.take(std::nullopt), ElementsAre(183));
}

TEST(RequestQueue, NewRequestsBehindTheHeadWaitForTheNextRound) {
  Queue queue;
  queue.add(10);
  queue.add(30);
  EXPECT_THAT(queue.take(0), ElementsAre(10));
  queue.add(5);
  queue.add(20);
  EXPECT_THAT(queue.drain(11), ElementsAre(20, 30, 5));
}

// 20..23 is wanted; 24..25 lies behind it, 18..19 before it, and 17 before that.
TEST(RequestQueue, NeighboursGoTogether) {
  for (const DiskScheduler scheduler : {DiskScheduler::fifo, DiskScheduler::elevator}) {
    Queue queue(scheduler, 256);
    queue.add(20, 4);
    queue.add(40);
    queue.add(17);
    queue.add(24, 2);
    queue.add(18, 2);
    EXPECT_THAT(queue.take(20), ElementsAre(17, 18, 20, 24));
    EXPECT_THAT(queue.take(26), ElementsAre(40));
  }
}

TEST(RequestQueue, ATransferHasAMostLength) {
  Queue queue(DiskScheduler::fifo, 6);
  queue.add(0, 4);
  queue.add(4, 2);
  queue.add(6, 2);
  EXPECT_THAT(queue.take(0), ElementsAre(0, 4));
  EXPECT_THAT(queue.take(6), ElementsAre(6));
}

TEST(RequestQueue, ReadsAndWritesStayApart) {
  Queue queue(DiskScheduler::fifo, 256);
  queue.add(0);
  queue.add(1, 1, true);
  queue.add(2);
  EXPECT_THAT(queue.take(0), ElementsAre(0));
  EXPECT_THAT(queue.take(1), ElementsAre(1));
  EXPECT_THAT(queue.take(2), ElementsAre(2));
}

// The head is at 50: the read of page 60 would be next, but page 60 is to be
// written first, as part of 58..61, and that after a read of 61.
TEST(RequestQueue, NothingOvertakesAnEarlierOneForItsSectors) {
  Queue queue;
  queue.add(61);
  queue.add(58, 4, true);
  queue.add(60);
  EXPECT_THAT(queue.take(59), ElementsAre(61));
  EXPECT_THAT(queue.take(59), ElementsAre(58));
  EXPECT_THAT(queue.take(59), ElementsAre(60));
}

TEST(RequestQueue, NothingOvertakesByJoiningANeighbour) {
  Queue queue(DiskScheduler::elevator, 256);
  queue.add(11, 2, true);  // 11 and 12
  queue.add(10);
  queue.add(11);  // would follow 10
  EXPECT_THAT(queue.take(10), ElementsAre(10));
  EXPECT_THAT(queue.take(11), ElementsAre(11));
  EXPECT_THAT(queue.take(11), ElementsAre(11));
}

TEST(RequestQueue, RequestsOffTheDiskStayByThemselves) {
  Queue queue(DiskScheduler::fifo, 256);
  const uint64_t end = (uint64_t{64} << 30) >> 12;
  queue.add(end - 1);
  queue.add(end);
  queue.add(~uint64_t{0} / 8);
  EXPECT_THAT(queue.take(0), ElementsAre(end - 1));
  EXPECT_THAT(queue.take(0), ElementsAre(end));
  EXPECT_THAT(queue.take(0), ElementsAre(~uint64_t{0} / 8));
}

}  // namespace
}  // namespace faultline::hw
