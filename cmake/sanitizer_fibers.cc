// For sanitizer builds. libsystemc tells AddressSanitizer of every switch
// between stacks, and on the way back to the main one gives bounds that it
// never learnt (2.3.4, sc_cor_qt.cpp); from then on an exception there ends the
// program with a false report. These go before the sanitizer's own, and the
// main stack keeps the bounds that it began with.
#include <cstddef>

extern "C" {
void __sanitizer_start_switch_fiber(void**, const void*, size_t) {}
void __sanitizer_finish_switch_fiber(void*, const void**, size_t*) {}
}
