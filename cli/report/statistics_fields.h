// The names that the counters have in the statistics, by the structs that hold them.
#pragma once

#include <tuple>

#include "cli/report/statistics.h"

namespace faultline::cli {

template <class Struct, class Member>
struct Field {
  const char* name;
  Member Struct::*member;
};
template <class Struct, class Member>
Field(const char*, Member Struct::*) -> Field<Struct, Member>;

// The names of a struct's members, in the order of the document.
template <class Struct>
inline constexpr auto kFields = nullptr;

template <>
inline constexpr auto kFields<hw::TlbStatistics> =
    std::tuple{Field{"lookups", &hw::TlbStatistics::lookups}, Field{"hits", &hw::TlbStatistics::hits},
               Field{"misses", &hw::TlbStatistics::misses}, Field{"evictions", &hw::TlbStatistics::evictions},
               Field{"flushes", &hw::TlbStatistics::flushes}};

template <>
inline constexpr auto kFields<hw::TranslationStatistics> = std::tuple{
    Field{"walks", &hw::TranslationStatistics::walks}, Field{"dirty_walks", &hw::TranslationStatistics::dirty_walks},
    Field{"walk_reads", &hw::TranslationStatistics::walk_reads},
    Field{"walk_writes", &hw::TranslationStatistics::walk_writes},
    Field{"fault_walk_reads", &hw::TranslationStatistics::fault_walk_reads}};

template <>
inline constexpr auto kFields<hw::CacheStatistics> =
    std::tuple{Field{"accesses", &hw::CacheStatistics::accesses}, Field{"hits", &hw::CacheStatistics::hits},
               Field{"misses", &hw::CacheStatistics::misses}, Field{"writebacks", &hw::CacheStatistics::writebacks},
               Field{"prefetches", &hw::CacheStatistics::prefetches}};

template <>
inline constexpr auto kFields<os::FaultStatistics> = std::tuple{Field{"minor", &os::FaultStatistics::minor},
                                                                Field{"major", &os::FaultStatistics::major},
                                                                Field{"demand_zero", &os::FaultStatistics::demand_zero},
                                                                Field{"zero_page", &os::FaultStatistics::zero_page},
                                                                Field{"file", &os::FaultStatistics::file},
                                                                Field{"cow", &os::FaultStatistics::cow},
                                                                Field{"cow_reuse", &os::FaultStatistics::cow_reuse},
                                                                Field{"swap_in", &os::FaultStatistics::swap_in},
                                                                Field{"reclaimed", &os::FaultStatistics::reclaimed},
                                                                Field{"protection", &os::FaultStatistics::protection},
                                                                Field{"spurious", &os::FaultStatistics::spurious}};

template <>
inline constexpr auto kFields<os::FrameStatistics> =
    std::tuple{Field{"total", &os::FrameStatistics::total},
               Field{"free", &os::FrameStatistics::free},
               Field{"anonymous", &os::FrameStatistics::anonymous},
               Field{"file", &os::FrameStatistics::file},
               Field{"kernel", &os::FrameStatistics::kernel},
               Field{"page_tables", &os::FrameStatistics::page_tables},
               Field{"peak_page_table_bytes", &os::FrameStatistics::peak_page_table_bytes},
               Field{"peak", &os::FrameStatistics::peak}};

template <>
inline constexpr auto kFields<os::PageTableStatistics> = std::tuple{
    Field{"bytes", &os::PageTableStatistics::bytes}, Field{"peak_bytes", &os::PageTableStatistics::peak_bytes},
    Field{"linear_bytes", &os::PageTableStatistics::linear_bytes},
    Field{"entries_present", &os::PageTableStatistics::entries_present}};

template <>
inline constexpr auto kFields<os::CopyStatistics> =
    std::tuple{Field{"pages", &os::CopyStatistics::pages}, Field{"bytes", &os::CopyStatistics::bytes}};

template <>
inline constexpr auto kFields<os::HugeStatistics> =
    std::tuple{Field{"faults", &os::HugeStatistics::faults},       Field{"fallback", &os::HugeStatistics::fallback},
               Field{"collapsed", &os::HugeStatistics::collapsed}, Field{"failed", &os::HugeStatistics::failed},
               Field{"copied", &os::HugeStatistics::copied},       Field{"scans", &os::HugeStatistics::scans}};
template <>
inline constexpr auto kFields<os::LargeAreaStatistics> =
    std::tuple{Field{"start", &os::LargeAreaStatistics::start},
               Field{"bytes", &os::LargeAreaStatistics::bytes},
               Field{"heap", &os::LargeAreaStatistics::heap},
               Field{"hugetlb", &os::LargeAreaStatistics::hugetlb},
               Field{"large_pages", &os::LargeAreaStatistics::large_pages},
               Field{"zero_pages", &os::LargeAreaStatistics::zero_pages}};
template <>
inline constexpr auto kFields<os::LayoutStatistics> =
    std::tuple{Field{"areas", &os::LayoutStatistics::areas}, Field{"mapped_bytes", &os::LayoutStatistics::mapped_bytes},
               Field{"largest_hole", &os::LayoutStatistics::largest_hole}};
template <>
inline constexpr auto kFields<os::ZeroStatistics> = std::tuple{Field{"pages", &os::ZeroStatistics::pages}};

template <>
inline constexpr auto kFields<os::SwapStatistics> =
    std::tuple{Field{"ins", &os::SwapStatistics::ins},
               Field{"outs", &os::SwapStatistics::outs},
               Field{"slots_total", &os::SwapStatistics::slots_total},
               Field{"slots_used_peak", &os::SwapStatistics::slots_used_peak},
               Field{"slots_bad", &os::SwapStatistics::slots_bad},
               Field{"requests_in", &os::SwapStatistics::requests_in},
               Field{"requests_out", &os::SwapStatistics::requests_out},
               Field{"readaround", &os::SwapStatistics::readaround},
               Field{"readaround_hits", &os::SwapStatistics::readaround_hits},
               Field{"read_errors", &os::SwapStatistics::read_errors},
               Field{"write_errors", &os::SwapStatistics::write_errors}};

template <>
inline constexpr auto kFields<os::PageoutStatistics> =
    std::tuple{Field{"wakeups", &os::PageoutStatistics::wakeups},
               Field{"front_hand", &os::PageoutStatistics::front_hand},
               Field{"back_hand", &os::PageoutStatistics::back_hand},
               Field{"freed", &os::PageoutStatistics::freed},
               Field{"cleaned", &os::PageoutStatistics::cleaned},
               Field{"batches", &os::PageoutStatistics::batches},
               Field{"tables_freed", &os::PageoutStatistics::tables_freed},
               Field{"out_of_memory", &os::PageoutStatistics::out_of_memory}};

template <>
inline constexpr auto kFields<os::PageCacheStatistics> =
    std::tuple{Field{"hits", &os::PageCacheStatistics::hits},
               Field{"misses", &os::PageCacheStatistics::misses},
               Field{"readahead", &os::PageCacheStatistics::readahead},
               Field{"writebehind", &os::PageCacheStatistics::writebehind},
               Field{"written_back", &os::PageCacheStatistics::written_back},
               Field{"readahead_hits", &os::PageCacheStatistics::readahead_hits},
               Field{"readahead_requests", &os::PageCacheStatistics::readahead_requests},
               Field{"waits", &os::PageCacheStatistics::waits},
               Field{"throttled", &os::PageCacheStatistics::throttled},
               Field{"read_errors", &os::PageCacheStatistics::read_errors},
               Field{"write_errors", &os::PageCacheStatistics::write_errors}};

template <>
inline constexpr auto kFields<os::CommitStatistics> =
    std::tuple{Field{"limit", &os::CommitStatistics::limit}, Field{"peak", &os::CommitStatistics::peak},
               Field{"refused", &os::CommitStatistics::refused}};

template <>
inline constexpr auto kFields<DiskCounts> = std::tuple{Field{"reads", &DiskCounts::reads},
                                                       Field{"writes", &DiskCounts::writes},
                                                       Field{"bytes_read", &DiskCounts::bytes_read},
                                                       Field{"bytes_written", &DiskCounts::bytes_written},
                                                       Field{"errors", &DiskCounts::errors},
                                                       Field{"busy_seconds", &DiskCounts::busy_seconds},
                                                       Field{"merged", &DiskCounts::merged},
                                                       Field{"failed_pages", &DiskCounts::failed_pages},
                                                       Field{"injected", &DiskCounts::injected},
                                                       Field{"queued_peak", &DiskCounts::queued_peak},
                                                       Field{"seek_seconds", &DiskCounts::seek_seconds},
                                                       Field{"rotation_seconds", &DiskCounts::rotation_seconds},
                                                       Field{"transfer_seconds", &DiskCounts::transfer_seconds}};

template <>
inline constexpr auto kFields<DiskFailure> =
    std::tuple{Field{"sector", &DiskFailure::sector}, Field{"write", &DiskFailure::write},
               Field{"path", &DiskFailure::path}, Field{"offset", &DiskFailure::offset}};

template <>
inline constexpr auto kFields<ProcessStatistics> =
    std::tuple{Field{"pid", &ProcessStatistics::pid},
               Field{"command", &ProcessStatistics::command},
               Field{"exit", &ProcessStatistics::exit},
               Field{"instructions", &ProcessStatistics::instructions},
               Field{"minor_faults", &ProcessStatistics::minor_faults},
               Field{"major_faults", &ProcessStatistics::major_faults},
               Field{"max_rss_pages", &ProcessStatistics::max_rss_pages}};

template <>
inline constexpr auto kFields<CrashRecord> = std::tuple{Field{"pid", &CrashRecord::pid},
                                                        Field{"command", &CrashRecord::command},
                                                        Field{"signal", &CrashRecord::signal},
                                                        Field{"pc", &CrashRecord::pc},
                                                        Field{"address", &CrashRecord::address},
                                                        Field{"instruction", &CrashRecord::instruction},
                                                        Field{"disassembly", &CrashRecord::disassembly}};

template <>
inline constexpr auto kFields<ShootdownCounts> =
    std::tuple{Field{"sent", &ShootdownCounts::sent}, Field{"received", &ShootdownCounts::received},
               Field{"pages", &ShootdownCounts::pages}, Field{"spaces", &ShootdownCounts::spaces},
               Field{"deferred", &ShootdownCounts::deferred}};

template <>
inline constexpr auto kFields<AfterExit> =
    std::tuple{Field{"anonymous_frames", &AfterExit::anonymous_frames},
               Field{"page_table_frames", &AfterExit::page_table_frames}, Field{"swap_slots", &AfterExit::swap_slots}};

template <>
inline constexpr auto kFields<HostStatistics> =
    std::tuple{Field{"seconds", &HostStatistics::seconds}, Field{"mips", &HostStatistics::mips}};

template <>
inline constexpr auto kFields<os::AreaKindStatistics> =
    std::tuple{Field{"areas", &os::AreaKindStatistics::areas}, Field{"bytes", &os::AreaKindStatistics::bytes},
               Field{"resident_bytes", &os::AreaKindStatistics::resident_bytes},
               Field{"unused_bytes", &os::AreaKindStatistics::unused_bytes}};

}  // namespace faultline::cli
