// The page cache: frames that hold pages of files, one copy whoever uses it.
//
// INTERFACE (the owner of os/memory completes this). No function here sleeps;
// one that would answers Reply::must_sleep and is called again after the sleep.
//
// class PageCache {
//   // The frame of a page of the file, read from disk when absent.
//   //   Fill::read       the page's bytes are needed
//   //   Fill::overwrite  the caller overwrites the whole page: nothing is read
//   // Bytes beyond the file's end are zero. EIO when the disk failed.
//   // Sequential use starts read-ahead (vm.readahead), which nobody waits for.
//   // A page that begins at or beyond size() is made of zeros without a read.
//   Reply<Pfn> page(FileBacking&, uint64_t index, Fill);
//   void pin(Pfn);   void unpin(Pfn);      // it stays while somebody copies
//   void mark_dirty(Pfn);                  // written by write(): write-behind sees it
//   // Takes pages at and beyond `new_size` away from the cache and from every
//   // mapping, and zeroes the rest of the last page. Call after size() changed.
//   Reply<> truncate(FileBacking&, uint64_t new_size);
//   // Starts writing every dirty page of the file (also those dirty in a page
//   // table) and answers must_sleep until all are on disk. EIO once per failure.
//   Reply<> flush(FileBacking&);
//   // Gives all frames of a file that nobody can name any more back, unwritten.
//   void forget(FileBacking&);
//   // Without simulated time, at the end of the run: the bytes of dirty pages,
//   // for the caller to write where they belong.
//   void for_each_dirty(std::function<void(FileBacking&, uint64_t index, std::span<const uint8_t>)>);
// };
#pragma once
