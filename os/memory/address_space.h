// A process's address space: areas over memory objects, and the page table
// that the hardware sees, which is no more than a cache of them.
//
// INTERFACE (the owner of os/memory completes this). Nothing here sleeps; see
// os/result.h for Reply.
//
// struct MapRequest {
//   VirtAddr hint;              // 0: anywhere
//   uint64_t length;            // bytes, rounded up to pages
//   int protection;             // Linux PROT_ bits
//   int flags;                  // Linux MAP_ bits
//   std::shared_ptr<FileBacking> file;   // null: anonymous
//   uint64_t offset;            // bytes into the file, page aligned
//   bool file_readable, file_writable;   // how the descriptor was opened: EACCES
// };
//
// struct FaultReply {
//   enum class Kind { resolved, must_sleep, segv_maperr, segv_accerr, bus_adrerr, out_of_memory };
//   Kind kind;
//   WaitQueue* queue;           // must_sleep: sleep there, then call again
//   bool disk;                  // must_sleep: it waits for the disk, so the fault is major
// };
//
// class AddressSpace {
//   Result<VirtAddr> map(const MapRequest&);          // every errno of mmap(2)
//   Reply<>  unmap(VirtAddr, uint64_t length);
//   Result<> protect(VirtAddr, uint64_t length, int protection);
//   VirtAddr set_brk(VirtAddr);                       // brk(2): the break after the call
//   void     set_brk_start(VirtAddr);                 // exec: after the bss
//   Result<> map_stack(VirtAddr top, uint64_t limit); // grows down on demand
//   // fork(2): areas and tables duplicated, pages shared read-only.
//   // ENOMEM when the commit limit forbids it.
//   Reply<std::unique_ptr<AddressSpace>> fork();
//   // Resolves one fault, or says what to wait for, or which signal it is.
//   // The caller loops: while must_sleep, sleep and call again; then count_fault.
//   FaultReply handle_fault(VirtAddr, Access);
//   // Host view of the user's byte at `address` if it is mapped with that right
//   // now, setting the referenced and modified bits as hardware would; null: call
//   // handle_fault. Valid until the caller sleeps. At most to the page's end.
//   uint8_t* user_bytes(VirtAddr, Access);
//   PhysAddr root() const;  Asid asid() const;  PageSize page() const;
//   VirtAddr user_end() const;                        // first address above user space
//   uint64_t resident_pages() const, peak_resident_pages() const;
//   // For /proc/self/maps: areas in order of address.
//   void for_each_area(std::function<void(const VmArea&)>) const;
//   ~AddressSpace()                                   // gives everything back
// };
//
// class UserMemory  (os/memory/user_memory.h): copies between kernel and user,
// with faults handled on the way; coroutines, charged through Cpu::touch.
//   Co<Result<>> read(VirtAddr from, std::span<uint8_t> to);       // EFAULT
//   Co<Result<>> write(VirtAddr to, std::span<const uint8_t> from);
//   Co<Result<std::string>> read_string(VirtAddr, size_t limit);   // EFAULT, ENAMETOOLONG
//   Co<Result<>> zero(VirtAddr, uint64_t bytes);
//   // page cache <-> user buffer without a detour
//   Co<Result<>> copy_from_frame(VirtAddr to, Pfn, uint64_t offset, uint64_t bytes);
//   Co<Result<>> copy_to_frame(Pfn, uint64_t offset, VirtAddr from, uint64_t bytes);
//   template <class T> Co<Result<T>> get(VirtAddr);  template <class T> Co<Result<>> put(VirtAddr, const T&);
//
// class MemoryManager  (os/memory/memory_manager.h): owns frame allocator,
// reverse map, page cache, swap, commit accounting, page-out daemon.
//   MemoryManager(Cpu&, BlockDevice&, Executor&, const hw::PageTableFormat&, const OsConfig&);
//   std::unique_ptr<AddressSpace> create_address_space();   // kernel part mapped; null: no memory
//   Co<> pageout_daemon();      Co<> write_behind_daemon();   // the scheduler starts them as tasks
//   PageCache& page_cache();
//   void on_out_of_memory(std::function<void()>)             // the kernel picks a victim and kills it
//   FrameStatistics frames() const; const FaultStatistics& faults() const; ... (os/memory/statistics.h)
//   std::optional<std::string> check_invariants() const      // one line when broken
#pragma once
