// Who asks memory: the tag that travels with every TLM transaction, so that
// caches and DRAM can count by requester.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tlm>

namespace faultline::hw {

enum class Requester : uint8_t { fetch, data, walker, kernel, dma, writeback };
inline constexpr size_t kRequesters = 6;
inline constexpr std::array<std::string_view, kRequesters> kRequesterNames = {"fetch",  "data", "walker",
                                                                              "kernel", "dma",  "writeback"};

// A payload without this extension (a user's own initiator) counts as data.
struct RequesterExtension : tlm::tlm_extension<RequesterExtension> {
  Requester requester = Requester::data;

  tlm::tlm_extension_base* clone() const override { return new RequesterExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    requester = static_cast<const RequesterExtension&>(other).requester;
  }

  static Requester of(const tlm::tlm_generic_payload& payload) {
    const auto* extension = payload.get_extension<RequesterExtension>();
    return extension ? extension->requester : Requester::data;
  }
};

}  // namespace faultline::hw
